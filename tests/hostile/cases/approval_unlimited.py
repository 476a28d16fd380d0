"""The plainest of all."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.usd, "approve(address,uint256)", stage.thief_address, 2**256 - 1)


def then(stage: Stage) -> None:
    stage.send(stage.usd, "transferFrom(address,address,uint256)", stage.treasury, stage.thief_address, 30_000 * USD)


CASE = Hostile(
    shape="plain call of a token",
    cause="unlimited approve",
    caught="unlimited_approval",
    takes="usd",
    tx=tx,
    then=then,
)
