"""All three must sign from now on."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "changeThreshold(uint256)", 3)


CASE = Honest("All three must sign from now on.", tx=tx)
