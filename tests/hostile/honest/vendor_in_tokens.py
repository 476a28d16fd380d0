"""The vendor is paid."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.usd, "transfer(address,uint256)", stage.vendor, 4_000 * USD)


CASE = Honest("The vendor is paid.", tx=tx)
