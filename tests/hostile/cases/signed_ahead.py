"""A harmless payment into a till, signed for a nonce that comes up in weeks, when the till is another's."""

from tests.hostile.case import Draft, Hostile
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.till, "fund()", value=50 * ETHER, nonce=stage.ask(stage.treasury, "nonce()", returns="uint256") + 6
    )


def then(stage: Stage) -> None:
    stage.send(stage.till, "payout()")


CASE = Hostile(
    shape="payment for a nonce far ahead",
    cause="executed on a day when its receiver is another's",
    caught="nonce",
    takes="ether",
    tx=tx,
    then=then,
)
