"""Nothing of the Safe changes, but it has approved a stranger."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.delegate(stage.locksmith, "approve(address,address)", stage.usd, stage.thief_address)


def then(stage: Stage) -> None:
    stage.send(stage.usd, "transferFrom(address,address,uint256)", stage.treasury, stage.thief_address, 30_000 * USD)


CASE = Hostile(
    shape="delegatecall of a contract",
    cause="allowance given from inside",
    caught="unlimited_approval",
    takes="usd",
    tx=tx,
    then=then,
)
