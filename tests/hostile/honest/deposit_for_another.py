"""A deposit in another Safe's name."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(
        stage.call(stage.usd, "approve(address,uint256)", stage.vault, 90 * USD),
        stage.call(stage.vault, "depositFor(address,uint256)", stage.old, 90 * USD),
    )


CASE = Honest("A deposit in another Safe's name.", tx=tx)
