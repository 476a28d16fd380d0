"""The end of a pause, through the timelock."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.scheduled(stage.call(stage.vault, "unpause()"))


CASE = Honest("The end of a pause, through the timelock.", tx=tx)
