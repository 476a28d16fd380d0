"""The till pays the vendor."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "pay(address,uint256)", stage.vendor, ETHER)


CASE = Honest("The till pays the vendor.", tx=tx)
