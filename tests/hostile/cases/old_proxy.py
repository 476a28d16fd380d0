"""A proxy from before ERC-1967, whose slot nobody knows."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.oldproxy, "setImplementation(address)", stage.hollow)


def then(stage: Stage) -> None:
    stage.send(stage.oldproxy, "sweep(address)", stage.thief_address)


CASE = Hostile(
    shape="plain call of a proxy",
    cause="setImplementation outside ERC-1967",
    caught="implementation_change",
    takes="ether",
    tx=tx,
    then=then,
)
