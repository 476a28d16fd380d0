"""Only a number changes; one of the owners has waited for it."""

from integrations.devnet.chain import DAN
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "changeThreshold(uint256)", 1)


def then(stage: Stage) -> None:
    stage.force(stage.safe_tx(stage.call(stage.thief_address, value=50 * ETHER)), by=(DAN,))


CASE = Hostile(
    shape="a call of the Safe to itself",
    cause="threshold lowered for an insider",
    caught="safe_change",
    takes="ether",
    tx=tx,
    then=then,
)
