"""Two settings in one scheduled batch."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.scheduled(
        stage.call(stage.vault, "unpause()"), stage.call(stage.vault, "setGracePeriod(uint64)", 7200)
    )


CASE = Honest("Two settings in one scheduled batch.", tx=tx)
