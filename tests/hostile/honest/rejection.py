"""An empty call uses up a nonce."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury)


CASE = Honest("An empty call uses up a nonce.", tx=tx)
