"""An upgrade to registered code, through the timelock."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.scheduled(stage.call(stage.vault, "upgradeToAndCall(address,bytes)", stage.vault2, b""))


CASE = Honest("An upgrade to registered code, through the timelock.", tx=tx)
