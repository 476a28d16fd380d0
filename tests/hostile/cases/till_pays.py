"""An allowed function of a registered contract, with a stranger in its arguments."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "pay(address,uint256)", stage.thief_address, 10 * ETHER)


CASE = Hostile(
    shape="allowed call of a registered contract",
    cause="its ether to a stranger, seen by simulation",
    caught="unknown_value",
    takes="ether",
    tx=tx,
)
