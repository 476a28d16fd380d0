"""A market gets another registered feed, through the timelock."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.scheduled(stage.call(stage.vault, "setMarketFeed(uint256,address)", 0, stage.feed))


CASE = Honest("A market gets another registered feed, through the timelock.", tx=tx)
