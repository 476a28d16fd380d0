"""The vault is made stricter."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vault, "setMode(uint8)", 2)


CASE = Honest("The vault is made stricter.", tx=tx)
