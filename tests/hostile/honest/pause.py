"""The guardian pauses the vault."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vault, "pause()")


CASE = Honest("The guardian pauses the vault.", tx=tx)
