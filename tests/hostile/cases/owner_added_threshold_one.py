"""An owner is added, and the threshold falls to one with it."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "addOwnerWithThreshold(address,uint256)", stage.stranger(1).address, 1)


def then(stage: Stage) -> None:
    stage.force(stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER)), by=(stage.stranger(1),))


CASE = Hostile(
    shape="a call of the Safe to itself",
    cause="an owner added with threshold 1",
    caught="safe_change",
    takes="ether",
    tx=tx,
    then=then,
)
