"""A price feed that has stopped answering."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Verdict
from incidents.watch.feeds import latest, read_round
from incidents.watch.fields import ADDRESS
from integrations.families import Config as Base
from runbooks.playbooks.durations import spell


@MONITORS.register("oracle_stale")
class OracleStale(MonitorType):
    """Stale: the last answer is older than the feed's heartbeat at the block looked at, or it is not above zero."""

    label = "Oracle is stale"
    fault = "stale-feed"
    icon = "clock"
    severity = "SEV1"
    figure = "age"

    class Config(Base):
        feed: str = Field(pattern=ADDRESS, description="address of a Chainlink-compatible feed")
        name: str = Field(min_length=1, max_length=60, description="what the feed prices, such as HLX/USD")
        heartbeat: int = Field(ge=1, le=604_800, description="longest time between two answers, in seconds")
        grace: int = Field(default=0, ge=0, le=86_400, description="seconds to wait beyond the heartbeat")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"oracle_stale:{config.feed.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        return [latest(config.feed)]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        if answers[0] is None:
            return Blind(f"the feed {config.name} does not answer")
        found = read_round(answers[0])
        if found is None:
            return Blind(f"{config.name} does not answer like a price feed")
        age = at.block.timestamp - found.updated
        if age < 0:
            return Blind(f"the last answer of {config.name} lies in the chain's future")
        limit = config.heartbeat + config.grace
        reading = {"age": age, "limit": limit, "answer": str(found.answer), "round": str(found.round_id)}
        if found.answer <= 0:
            return Breach(f"{config.name} answers {found.answer}", reading, since=found.updated)
        if age > limit:
            return Breach(f"Stale oracle: {config.name}", reading, since=found.updated + limit)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} answers at least every {spell(config.heartbeat)}"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"feed": config.feed, "heartbeat": spell(config.heartbeat)}
