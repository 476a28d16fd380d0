"""Two sources that should name the same price."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Verdict
from incidents.watch.feeds import latest, read_round
from incidents.watch.fields import ADDRESS, Bps, percent
from integrations.families import Config as Base


@MONITORS.register("oracle_deviation")
class OracleDeviation(MonitorType):
    """Two price feeds are further apart than they may be, measured by the lower of the two."""

    label = "Oracle sources deviate"
    fault = "price-jump"
    icon = "target"
    severity = "SEV1"
    figure = "deviation_bps"

    class Config(Base):
        feed: str = Field(pattern=ADDRESS, description="the feed that the protocol uses")
        other: str = Field(pattern=ADDRESS, description="a second source of the same price, another feed")
        name: str = Field(min_length=1, max_length=60, description="what both price, such as HLX/USD")
        limit_bps: Bps = Field(default=200, description="how far apart they may be, in hundredths of a per cent")
        decimals: int = Field(default=8, ge=0, le=36, description="decimals of the first feed")
        other_decimals: int = Field(default=8, ge=0, le=36, description="decimals of the second")
        oldest: int = Field(default=0, ge=0, le=604_800, description="age at which the second is none; 0: never")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"oracle_deviation:{config.feed.lower()}:{config.other.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        return [latest(config.feed), latest(config.other)]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        first, second = read_round(answers[0]), read_round(answers[1])
        if first is None or second is None:
            which = "second source" if first else "feed"
            return Blind(f"the {which} of {config.name} does not answer like a price feed")
        if first.answer <= 0 or second.answer <= 0:
            return Blind(f"a source of {config.name} answers {min(first.answer, second.answer)}")
        age = at.block.timestamp - second.updated
        if config.oldest and age > config.oldest:
            return Blind(f"the second source of {config.name} has not answered for {age} s")
        ours = first.answer * 10**config.other_decimals
        theirs = second.answer * 10**config.decimals
        apart = abs(ours - theirs) * 10_000 // min(ours, theirs)
        reading = {"deviation_bps": apart, "limit": config.limit_bps}
        reading |= {"feed": str(first.answer), "other": str(second.answer)}
        if apart > config.limit_bps:
            return Breach(f"{config.name}: two sources are {percent(apart)} apart", reading)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"two sources of {config.name} stay within {percent(config.limit_bps)} of each other"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"feed": config.feed}
