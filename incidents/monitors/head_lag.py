"""A chain that stands still, or that we see late."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Breach, Calm, MonitorType, Verdict
from incidents.watch.fields import shown_time
from integrations.families import Config as Base


@MONITORS.register("head_lag")
class HeadLag(MonitorType):
    """No new block for too long, by the wall's clock: the chain has halted, or our endpoints do not follow it."""

    label = "Head lags"
    fault = "chain-halt"
    icon = "clock"
    now = True
    figure = "lag"

    class Config(Base):
        limit: int = Field(default=60, ge=1, le=86_400, description="seconds that the newest block may be old")

    @classmethod
    def key(cls, config: Any) -> str:
        return "head_lag"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Any]:
        return []

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        # A chain whose clock runs ahead is late by when we saw its block; one that we catch up with, by its own clock.
        # Whoever has only begun to watch waits as long as everybody before saying that no block comes.
        lag = max(0, int(at.now - max(at.since, min(at.block.timestamp, at.seen_at))))
        reading = {"lag": lag, "limit": config.limit, "block": at.block.number}
        if lag > config.limit:
            return Breach(f"No new block for {shown_time(lag)}", reading)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"the newest block is at most {shown_time(config.limit)} old"
