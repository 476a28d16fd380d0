"""Collateral comes back."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vault, "withdraw(uint256,address)", 5_000 * USD, stage.treasury)


CASE = Honest("Collateral comes back.", tx=tx)
