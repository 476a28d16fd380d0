"""Blocks that were replaced."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Branches, Breach, Calm, MonitorType, Verdict
from integrations.families import Config as Base


@MONITORS.register("reorg_depth")
class ReorgDepth(MonitorType):
    """More blocks in a row were replaced than is usual on this chain; it clears once that lies far enough back."""

    label = "Reorg is deep"
    fault = "reorg"
    icon = "history"
    now = True
    figure = "depth"

    class Config(Base):
        limit: int = Field(default=1, ge=0, le=400, description="most blocks replaced at once that are no alarm")
        within: int = Field(default=64, ge=1, le=400, description="how many blocks back to look")

    @classmethod
    def key(cls, config: Any) -> str:
        return "reorg_depth"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Branches]:
        return [Branches(config.within)]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        deepest = max(answers[0], key=lambda one: one.depth, default=None)
        depth = deepest.depth if deepest else 0
        reading = {"depth": depth, "limit": config.limit}
        if deepest and depth > config.limit:
            return Breach(f"{depth} blocks were replaced from {deepest.lowest} on", {**reading, "from": deepest.lowest})
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"at most {config.limit} blocks are replaced at once"
