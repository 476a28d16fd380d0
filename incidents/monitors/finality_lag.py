"""Blocks that do not become final."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Tagged, Verdict
from integrations.families import Config as Base


@MONITORS.register("finality_lag")
class FinalityLag(MonitorType):
    """The finalised block is too far below the head: what is confirmed may still be taken back."""

    label = "Finality lags"
    fault = "finality-stalls"
    icon = "clock"
    now = True
    figure = "behind"

    class Config(Base):
        tag: Literal["finalized", "safe"] = Field(default="finalized", description="finalized or safe")
        limit: int = Field(default=128, ge=1, le=1_000_000, description="most blocks between it and the head")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"finality_lag:{config.tag}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Tagged]:
        return [Tagged(config.tag)]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        if answers[0] is None:
            return Blind(f"no endpoint names a {config.tag} block")
        behind = max(0, at.block.number - answers[0].number)
        reading = {"behind": behind, "limit": config.limit, config.tag: answers[0].number}
        if behind > config.limit:
            return Breach(f"Finality lags: the {config.tag} block is {behind} blocks behind", reading)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"the {config.tag} block is at most {config.limit} blocks behind the head"
