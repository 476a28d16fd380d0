"""A deed goes to another of our Safes."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.deed, "safeTransferFrom(address,address,uint256)", stage.treasury, stage.old, 7)


CASE = Honest("A deed goes to another of our Safes.", tx=tx)
