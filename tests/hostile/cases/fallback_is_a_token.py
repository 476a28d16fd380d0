"""The Safe answers unknown calls through a token: anybody makes it transfer."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "setFallbackHandler(address)", stage.usd)


def then(stage: Stage) -> None:
    stage.send(stage.treasury, "transfer(address,uint256)", stage.thief_address, 30_000 * USD)


CASE = Hostile(
    shape="a call of the Safe to itself",
    cause="a token as fallback handler",
    caught="safe_change",
    takes="usd",
    tx=tx,
    then=then,
)
