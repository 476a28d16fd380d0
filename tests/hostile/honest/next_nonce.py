"""A payment for the nonce after the next."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.usd,
        "transfer(address,uint256)",
        stage.vendor,
        USD,
        nonce=stage.ask(stage.treasury, "nonce()", returns="uint256") + 1,
    )


CASE = Honest("A payment for the nonce after the next.", tx=tx)
