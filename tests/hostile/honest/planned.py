"""What a plan says, in a drill on a devnet."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vault, "pause()", environment="drill")


CASE = Honest("What a plan says, in a drill on a devnet.", tx=tx)
