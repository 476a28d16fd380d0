"""A contract with a harmless name writes into the list of modules."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.delegate(stage.locksmith, "enable(address)", stage.leech)


def then(stage: Stage) -> None:
    stage.send(stage.leech, "take(address,address)", stage.treasury, stage.thief_address)


CASE = Hostile(
    shape="delegatecall of a contract",
    cause="module list written to",
    caught="delegatecall",
    takes="ether",
    tx=tx,
    then=then,
)
