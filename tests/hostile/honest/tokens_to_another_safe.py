"""Tokens for another of our Safes."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.usd, "transfer(address,uint256)", stage.new, 9_000 * USD)


CASE = Honest("Tokens for another of our Safes.", tx=tx)
