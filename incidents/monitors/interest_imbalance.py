"""Two sides of a market that should match."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Verdict
from incidents.watch.asking import words
from incidents.watch.fields import ADDRESS, percent
from integrations.chain.abi import encode_call
from integrations.families import Config as Base

OPEN = "openInterest(uint256 market) view returns (uint256 long, uint256 short)"


@MONITORS.register("interest_imbalance")
class InterestImbalance(MonitorType):
    """Long and short open interest of a market differ: in a matched book somebody's profit is nobody's loss."""

    label = "Open interest is out of balance"
    fault = "lopsided-market"
    icon = "target"
    figure = "apart_bps"

    class Config(Base):
        contract: str = Field(pattern=ADDRESS, description="a contract with openInterest(uint256)")
        market: int = Field(ge=0, le=2**53, description="the market's number")
        name: str = Field(min_length=1, max_length=60, description="the market's name, such as HLX-PERP")
        limit_bps: int = Field(default=0, ge=0, le=10_000, description="most they may differ, of the larger; 1/100 %")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"interest_imbalance:{config.contract.lower()}:{config.market}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        return [Read(config.contract, encode_call(OPEN, args=[config.market]))]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        found = words(answers[0], 2)
        if found is None:
            return Blind(f"the open interest of {config.name} cannot be read")
        long, short = found
        apart = abs(long - short)
        share = -(-apart * 10_000 // max(long, short)) if apart else 0
        reading = {"apart_bps": share, "limit": config.limit_bps, "long": str(long), "short": str(short)}
        if share > config.limit_bps:
            more = "long" if long > short else "short"
            return Breach(f"{config.name} is {percent(share)} {more}: its two sides do not match", reading)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"both sides of {config.name} match" + (
            f" within {percent(config.limit_bps)}" if config.limit_bps else ""
        )

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"vault": config.contract}
