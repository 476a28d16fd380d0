"""A price feed that has stopped answering."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, Blind, Breach, Calm, MonitorType, Read, Verdict
from integrations.chain.abi import decode_output, encode_call
from integrations.chain.reading import Block
from integrations.families import Config as Base
from ledger.errors import Invalid
from runbooks.playbooks.durations import spell

ROUND = (
    "latestRoundData() view returns (uint80 round, int256 answer, uint256 started, uint256 updated, uint80 answered)"
)
LATEST = encode_call(ROUND)


@MONITORS.register("oracle_stale")
class OracleStale(MonitorType):
    """Stale: the last answer is older than the feed's heartbeat at the block looked at, or it is not above zero."""

    label = "Oracle is stale"
    fault = "stale-feed"
    icon = "clock"

    class Config(Base):
        feed: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$", description="address of a Chainlink-compatible feed")
        name: str = Field(min_length=1, max_length=60, description="what the feed prices, such as HLX/USD")
        heartbeat: int = Field(ge=1, le=604_800, description="longest time between two answers, in seconds")
        grace: int = Field(default=0, ge=0, le=86_400, description="seconds to wait beyond the heartbeat")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"oracle_stale:{config.feed.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        return [Read(config.feed, LATEST)]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], block: Block) -> Verdict:
        raw = answers[0]
        if raw is None:
            return Blind(f"the feed {config.name} does not answer")
        try:
            round_id, answer, _started, updated, _last = decode_output(ROUND, "", raw)
        except Invalid:
            return Blind(f"{config.name} does not answer like a price feed")
        age = block.timestamp - int(updated)
        if age < 0:
            return Blind(f"the last answer of {config.name} lies in the chain's future")
        limit = config.heartbeat + config.grace
        reading = {"round": str(round_id), "answer": str(answer), "age": age, "heartbeat": config.heartbeat}
        if int(answer) <= 0:
            return Breach(f"{config.name} answers {answer}", reading, since=int(updated))
        if age > limit:
            return Breach(f"Stale oracle: {config.name}", reading, since=int(updated) + limit)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} answers at least every {spell(config.heartbeat)}"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"feed": config.feed, "heartbeat": spell(config.heartbeat)}
