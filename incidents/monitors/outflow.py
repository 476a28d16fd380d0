"""Money that leaves faster than it should."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Verdict
from incidents.watch.asking import words
from incidents.watch.fields import ADDRESS, Seconds, funds, percent, shown_time, units
from integrations.chain.abi import encode_call
from integrations.families import Config as Base


@MONITORS.register("outflow")
class Outflow(MonitorType):
    """The net amount of a token that left a contract within a window, against what it held when the window began.

    As ERC-7265 counts it: what came in within the window is set off against what went out.
    """

    label = "Outflow is too fast"
    fault = "drain"
    icon = "alarm"
    severity = "SEV1"
    figure = "out_bps"

    class Config(Base):
        token: str = Field(pattern=ADDRESS, description="the token's address")
        holder: str = Field(pattern=ADDRESS, description="the contract that holds it, such as a vault")
        name: str = Field(min_length=1, max_length=60, description="what leaves what, such as hUSD in the vault")
        window: Seconds = Field(default=3600, description="over how many seconds")
        limit_bps: int = Field(
            default=2000, ge=1, le=10_000, description="most that may leave, in hundredths of a per cent"
        )
        floor: int = Field(default=0, ge=0, description="holdings below this many whole tokens are not looked at")
        decimals: int = Field(default=18, ge=0, le=36, description="decimals of the token")
        dollars: bool = Field(default=False, description="a US dollar: what is at risk is proposed to people")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"outflow:{config.holder.lower()}:{config.token.lower()}:{config.window}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        return [balance_of(config.token, config.holder)]

    @classmethod
    def window(cls, config: Any) -> int:
        return int(config.window)

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        found = words(answers[0], 1)
        if found is None:
            return Blind(f"the balance of {config.name} cannot be read")
        held = found[0]
        then = at.past.at(at.block.timestamp - config.window)
        began = then.values["held"] if then else held
        out = max(0, began - held)
        share = out * 10_000 // began if began else 0
        reading = {"out_bps": share, "limit": config.limit_bps}
        reading |= {"held": units(held, config.decimals), "at the window's start": units(began, config.decimals)}
        keep = {"held": held}
        if share > config.limit_bps and began >= config.floor * 10**config.decimals:
            amount = units(out, config.decimals)
            said = f"Outflow: {amount} ({percent(share)}) of {config.name} in {shown_time(config.window)}"
            return Breach(said, {**reading, **funds(config, at_risk=held, moved=out)}, keep=keep)
        return Calm(reading, keep=keep)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"less than {percent(config.limit_bps)} of {config.name} leaves in {shown_time(config.window)}"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"vault": config.holder}


def balance_of(token: str, holder: str) -> Read:
    return Read(token, encode_call("balanceOf(address holder) view returns (uint256 amount)", args=[holder]))
