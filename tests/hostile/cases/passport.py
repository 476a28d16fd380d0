"""The token's own allowance is old and unlimited; the new one is with the contract that holds it."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.passport,
        "approve(address,address,uint160,uint48)",
        stage.usd,
        stage.thief_address,
        30_000 * USD,
        2**48 - 1,
    )


def then(stage: Stage) -> None:
    stage.send(
        stage.passport,
        "transferFrom(address,address,uint160,address)",
        stage.treasury,
        stage.thief_address,
        30_000 * USD,
        stage.usd,
    )


CASE = Hostile(
    shape="plain call of a shared allowance contract",
    cause="allowance given there",
    caught="unlimited_approval",
    takes="usd",
    tx=tx,
    then=then,
)
