"""A known owner is added, and the threshold rises."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "addOwnerWithThreshold(address,uint256)", stage.vendor, 3)


CASE = Honest("A known owner is added, and the threshold rises.", tx=tx)
