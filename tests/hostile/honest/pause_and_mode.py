"""Paused and made stricter in one batch."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.batch(stage.call(stage.vault, "pause()"), stage.call(stage.vault, "setMode(uint8)", 3))


CASE = Honest("Paused and made stricter in one batch.", tx=tx)
