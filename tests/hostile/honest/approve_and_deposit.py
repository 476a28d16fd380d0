"""Exactly as much is approved as is deposited."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(
        stage.call(stage.usd, "approve(address,uint256)", stage.vault, 500 * USD),
        stage.call(stage.vault, "deposit(uint256)", 500 * USD),
    )


CASE = Honest("Exactly as much is approved as is deposited.", tx=tx)
