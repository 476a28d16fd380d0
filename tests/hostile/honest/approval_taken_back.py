"""An old approval is taken back."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.usd, "approve(address,uint256)", stage.passport, 0)


CASE = Honest("An old approval is taken back.", tx=tx)
