"""Not unlimited: exactly what is there, to a contract of today."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(
        stage.call(stage.usd, "approve(address,uint256)", stage.pit, 30_000 * USD),
        stage.call(stage.pit, "claimAirdrop(address,uint256)", stage.usd, 30_000 * USD),
    )


CASE = Hostile(
    shape="batch of plain calls",
    cause="approval of the whole balance to a stranger",
    caught="unlimited_approval",
    takes="usd",
    tx=tx,
)
