"""A module: from then on nobody has to sign."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "enableModule(address)", stage.leech)


def then(stage: Stage) -> None:
    stage.send(stage.leech, "take(address,address)", stage.treasury, stage.thief_address)


CASE = Hostile(
    shape="a call of the Safe to itself",
    cause="a stranger's module enabled",
    caught="safe_change",
    takes="ether",
    tx=tx,
    then=then,
)
