"""The Safe's smart account approves; the Safe only tells it to."""

from integrations.devnet.abi import calldata
from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    approve = calldata("approve(address,uint256)", stage.thief_address, 2**256 - 1)
    return stage.call(stage.purse, "execute(address,uint256,bytes)", stage.usd, 0, approve)


def before(stage: Stage) -> None:
    stage.send(stage.usd, "transfer(address,uint256)", stage.purse, 5_000 * USD, sender=stage.treasury)


def then(stage: Stage) -> None:
    stage.send(stage.usd, "transferFrom(address,address,uint256)", stage.purse, stage.thief_address, 5_000 * USD)


CASE = Hostile(
    shape="call through a smart account",
    cause="unlimited approve",
    caught="unlimited_approval",
    takes="usd",
    tx=tx,
    before=before,
    then=then,
)
