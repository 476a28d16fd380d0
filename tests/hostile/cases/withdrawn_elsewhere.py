"""Collateral comes back from the vault, only not to us."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vault, "withdraw(uint256,address)", 20_000 * USD, stage.thief_address)


CASE = Hostile(
    shape="withdrawal from a registered vault",
    cause="another receiver in its arguments",
    caught="unknown_value",
    takes="usd",
    tx=tx,
)
