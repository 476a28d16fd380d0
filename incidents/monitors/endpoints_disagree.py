"""Endpoints that tell different stories."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, Endpoints, MonitorType, Verdict
from integrations.families import Config as Base


@MONITORS.register("endpoints_disagree")
class EndpointsDisagree(MonitorType):
    """An endpoint is on another branch than the others, or too far behind them: one of them lies, or is broken."""

    label = "Endpoints disagree"
    fault = "split-endpoint"
    icon = "users"
    now = True
    figure = "apart"

    class Config(Base):
        limit: int = Field(default=5, ge=0, le=10_000, description="most blocks that one may be behind another")

    @classmethod
    def key(cls, config: Any) -> str:
        return "endpoints_disagree"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Endpoints]:
        return [Endpoints()]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        seen = answers[0]
        if seen is None:
            return Blind("no endpoint answers")
        if len(seen) < 2:
            return Blind("there is only one endpoint: nobody could disagree")
        heads = [one.head for one in seen if one.head is not None]
        if len(heads) < 2:
            silent = ", ".join(one.name for one in seen if one.head is None)
            return Blind(f"fewer than two endpoints answer: nothing from {silent}")
        apart = max(heads) - min(heads)
        reading = {"apart": apart, "limit": config.limit, "endpoints": len(heads)}
        elsewhere = [one.name for one in seen if one.elsewhere]
        if elsewhere:
            return Breach(f"{', '.join(elsewhere)}: on another branch than the other endpoints", reading)
        if apart > config.limit:
            last = min((one for one in seen if one.head is not None), key=lambda one: one.head)
            return Breach(f"{last.name} is {apart} blocks behind another endpoint", reading)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"the chain's endpoints agree, and none is more than {config.limit} blocks behind"
