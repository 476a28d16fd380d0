"""A warning before anything is broken: three plain measures, added up in the open."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, Logs, MonitorType, Read, Verdict
from incidents.monitors.outflow import balance_of
from incidents.monitors.volatility import realised
from incidents.watch.asking import Past, words
from incidents.watch.feeds import latest, read_round
from incidents.watch.fields import ADDRESS, Bps, Seconds, percent, shown_time, units
from integrations.chain.abi import event_topic
from integrations.families import Config as Base

TRANSFER = event_topic("Transfer(address indexed from, address indexed to, uint256 amount)")


@MONITORS.register("stress_score")
class StressScore(MonitorType):
    """How far a market is from calm, from 0 to 100: volatility, flow toxicity, latency, each weighed and shown.

    Each part is a share of the level that counts as full, at most all of its weight. Flow is toxic when it is one-sided
    and large: |out - in| / (out + in), times what moved against what was held.
    """

    label = "Stress is rising"
    fault = "stress"
    icon = "warning"
    severity = "SEV3"
    figure = "score"

    class Config(Base):
        feed: str = Field(pattern=ADDRESS, description="address of a Chainlink-compatible feed")
        token: str = Field(pattern=ADDRESS, description="the token whose flow is looked at")
        holder: str = Field(pattern=ADDRESS, description="the contract that it flows into and out of")
        name: str = Field(min_length=1, max_length=60, description="what it is about, such as Helix")
        heartbeat: int = Field(ge=1, le=604_800, description="longest time between two answers of the feed, in seconds")
        window: Seconds = Field(default=600, description="over how many seconds volatility and flow are measured")
        limit: int = Field(default=60, ge=1, le=100, description="score above which it warns")
        full_volatility_bps: Bps = Field(default=500, description="volatility that counts in full")
        full_flow_bps: Bps = Field(default=2000, description="what moves, of what was held, that counts in full")
        weigh_volatility: int = Field(default=40, ge=0, le=100, description="the three weights add up to 100")
        weigh_flow: int = Field(default=40, ge=0, le=100)
        weigh_latency: int = Field(default=20, ge=0, le=100)
        decimals: int = Field(default=18, ge=0, le=36, description="decimals of the token")

        @model_validator(mode="after")
        def _whole(self) -> Self:
            if self.weigh_volatility + self.weigh_flow + self.weigh_latency != 100:
                raise ValueError("the three weights must add up to 100")
            return self

    @classmethod
    def key(cls, config: Any) -> str:
        return f"stress_score:{config.holder.lower()}:{config.feed.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read | Logs]:
        holder = "0x" + config.holder.lower()[2:].rjust(64, "0")
        moved = [Logs(config.token, (TRANSFER, None, holder)), Logs(config.token, (TRANSFER, holder))]
        return [latest(config.feed), balance_of(config.token, config.holder), *moved]

    @classmethod
    def window(cls, config: Any) -> int:
        return int(config.window)

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        price, held = read_round(answers[0]), words(answers[1], 1)
        if price is None or price.answer <= 0 or held is None or None in answers[2:]:
            return Blind(f"the price or the flow of {config.name} cannot be read")
        came, went = (sum(int.from_bytes(log.data[:32]) for log in logs) for logs in answers[2:])
        last = at.past.last
        keep = {
            "price": price.answer,
            "in": (last.values["in"] if last else 0) + came,
            "out": (last.values["out"] if last else 0) + went,
            "held": held[0],
        }
        start = at.block.timestamp - config.window
        moves = realised([*(one.values["price"] for one in at.past.since(start)), price.answer])
        inflow, outflow, began = _flow(at.past, start, keep)
        age = max(0, at.block.timestamp - price.updated)
        parts = {
            "volatility": config.weigh_volatility * min(1000, moves * 1000 // config.full_volatility_bps) // 1000,
            "flow": config.weigh_flow * _toxic(inflow, outflow, began, config.full_flow_bps) // 1000,
            "latency": config.weigh_latency * min(1000, age * 1000 // config.heartbeat) // 1000,
        }
        why = {
            "volatility": f"{percent(moves)} in {shown_time(config.window)}",
            "flow": f"{units(outflow, config.decimals)} out, {units(inflow, config.decimals)} in",
            "latency": f"the price is {age} s old, of {config.heartbeat}",
        }
        weights = {"volatility": config.weigh_volatility, "flow": config.weigh_flow, "latency": config.weigh_latency}
        score = sum(parts.values())
        reading: dict[str, Any] = {"score": score, "limit": config.limit}
        reading |= {name: f"{parts[name]} of {weights[name]}: {why[name]}" for name in parts}
        if score > config.limit:
            told = sorted(parts, key=lambda name: -parts[name])
            said = ", ".join(f"{name} {parts[name]} ({why[name]})" for name in told if parts[name])
            return Breach(f"Stress of {config.name} is {score} of 100: {said}"[:200], reading, keep=keep)
        return Calm(reading, keep=keep)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"stress of {config.name} is at most {config.limit} of 100"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"feed": config.feed, "vault": config.holder}


def _flow(past: Past, start: int, now: dict[str, int]) -> tuple[int, int, int]:
    """In, out, and what was held when the window began."""
    base = past.at(start)
    if base is None:
        return 0, 0, now["held"]
    return now["in"] - base.values["in"], now["out"] - base.values["out"], base.values["held"]


def _toxic(inflow: int, outflow: int, began: int, full_bps: int) -> int:
    """In thousandths: how one-sided the flow is, times how large."""
    moved = inflow + outflow
    if not moved:
        return 0
    size = min(1000, moved * 10_000_000 // (began * full_bps)) if began else 1000
    return abs(outflow - inflow) * size // moved
