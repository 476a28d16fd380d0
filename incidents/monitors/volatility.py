"""How much a price has moved, not where it stands."""

from collections.abc import Sequence
from itertools import pairwise
from math import isqrt
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Verdict
from incidents.watch.feeds import latest, read_round
from incidents.watch.fields import ADDRESS, Bps, Seconds, percent, shown_time
from integrations.families import Config as Base


@MONITORS.register("volatility")
class Volatility(MonitorType):
    """Realised volatility of a feed over a window: the root of the sum of its squared moves, one after the other.

    A price that jumps and comes back has moved twice; one that drifts as far in small steps has moved little.
    """

    label = "Price is volatile"
    fault = "price-jump"
    icon = "target"
    figure = "volatility_bps"

    class Config(Base):
        feed: str = Field(pattern=ADDRESS, description="address of a Chainlink-compatible feed")
        name: str = Field(min_length=1, max_length=60, description="what the feed prices, such as HLX/USD")
        window: Seconds = Field(default=600, description="over how many seconds")
        limit_bps: Bps = Field(default=500, description="most volatility in the window, in hundredths of a per cent")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"volatility:{config.feed.lower()}:{config.window}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        return [latest(config.feed)]

    @classmethod
    def window(cls, config: Any) -> int:
        return int(config.window)

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        found = read_round(answers[0])
        if found is None or found.answer <= 0:
            return Blind(f"{config.name} does not answer like a price feed")
        prices = [one.values["price"] for one in at.past.since(at.block.timestamp - config.window)]
        moved = realised([*prices, found.answer])
        reading = {
            "volatility_bps": moved,
            "limit": config.limit_bps,
            "price": str(found.answer),
            "samples": len(prices),
        }
        keep = {"price": found.answer}
        if moved > config.limit_bps:
            said = f"{config.name} is volatile: {percent(moved)} in {shown_time(config.window)}"
            return Breach(said, reading, keep=keep)
        return Calm(reading, keep=keep)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} moves less than {percent(config.limit_bps)} in {shown_time(config.window)}"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"feed": config.feed}


def realised(prices: Sequence[int]) -> int:
    """In basis points, in whole numbers, so that everybody who recomputes it gets the same."""
    squares = 0
    for before, after in pairwise(prices):
        if before != after:
            move = (after - before) * 1_000_000 // before
            squares += move * move
    return isqrt(squares) // 100
