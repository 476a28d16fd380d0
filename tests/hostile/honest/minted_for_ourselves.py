"""Demo money for one of our Safes."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.usd, "mint(address,uint256)", stage.old, 1_000 * USD)


CASE = Honest("Demo money for one of our Safes.", tx=tx)
