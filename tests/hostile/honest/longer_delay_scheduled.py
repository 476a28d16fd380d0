"""The timelock is told, through itself, to wait longer from then on."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.scheduled(stage.call(stage.timelock, "updateDelay(uint256)", 7 * 24 * 3600))


CASE = Honest("The timelock is told, through itself, to wait longer from then on.", tx=tx)
