"""The proxy keeps its code, and gets another admin."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.oldproxy, "changeAdmin(address)", stage.thief_address)


def then(stage: Stage) -> None:
    stage.send(stage.oldproxy, "setImplementation(address)", stage.hollow)
    stage.send(stage.oldproxy, "sweep(address)", stage.thief_address)


CASE = Hostile(
    shape="plain call of a proxy",
    cause="its admin changed",
    caught="role_change",
    takes="ether",
    tx=tx,
    then=then,
)
