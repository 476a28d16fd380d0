"""Three payments in one batch."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(*(stage.call(stage.usd, "transfer(address,uint256)", stage.vendor, n * USD) for n in (1, 2, 3)))


CASE = Honest("Three payments in one batch.", tx=tx)
