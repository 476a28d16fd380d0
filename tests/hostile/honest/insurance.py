"""The insurance is funded."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import USD, Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(
        stage.call(stage.usd, "approve(address,uint256)", stage.vault, 700 * USD),
        stage.call(stage.vault, "fundInsurance(uint256)", 700 * USD),
    )


CASE = Honest("The insurance is funded.", tx=tx)
