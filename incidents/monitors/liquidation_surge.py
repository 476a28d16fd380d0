"""Many liquidations at once."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, Logs, MonitorType, Verdict
from incidents.watch.fields import ADDRESS, EventLine, Seconds, shown_time
from integrations.chain.abi import event_topic
from integrations.families import Config as Base

LIQUIDATED = (
    "Liquidated(address indexed account, uint256 indexed market, address indexed liquidator, int256 size, "
    "uint256 price, uint256 penalty)"
)


@MONITORS.register("liquidation_surge")
class LiquidationSurge(MonitorType):
    """More events of one kind from a contract in a window than there should be: liquidations, unless told otherwise."""

    label = "Liquidations surge"
    fault = "liquidations"
    icon = "alarm"
    figure = "count"

    class Config(Base):
        contract: str = Field(pattern=ADDRESS, description="the contract whose events are counted")
        name: str = Field(min_length=1, max_length=60, description="what it is, such as HelixVault")
        event: EventLine = Field(default=LIQUIDATED, description="the event, with `indexed` where it is")
        window: Seconds = Field(default=600, description="over how many seconds")
        limit: int = Field(default=10, ge=0, le=1_000_000, description="most events in the window")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"liquidation_surge:{config.contract.lower()}:{event_topic(config.event)[:10]}:{config.window}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Logs]:
        return [Logs(config.contract, (event_topic(config.event),))]

    @classmethod
    def window(cls, config: Any) -> int:
        return int(config.window)

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        if answers[0] is None:
            return Blind(f"the events of {config.name} cannot be read")
        new, last = len(answers[0]), at.past.last
        total = (last.values["total"] if last else 0) + new
        start = at.block.timestamp - config.window
        base = at.past.at(start)
        before = 0 if base is None else base.values["total"] - (base.values["new"] if base.timestamp > start else 0)
        count = total - before
        reading = {"count": count, "limit": config.limit, "in this block": new}
        keep = {"total": total, "new": new}
        if count > config.limit:
            said = f"{config.name}: {count} liquidations in {shown_time(config.window)}"
            return Breach(said, reading, keep=keep)
        return Calm(reading, keep=keep)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} liquidates at most {config.limit} times in {shown_time(config.window)}"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"vault": config.contract}
