"""What is owed against what is there."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Verdict
from incidents.watch.fields import ADDRESS, Function, funds, percent, units
from integrations.chain.abi import decode_output, encode_call, find_function
from integrations.families import Config as Base
from ledger.errors import Invalid

SOLVENCY = (
    "solvency() view returns (uint256 assets, int256 equity, uint256 insurance, int256 liabilities, int256 surplus, "
    "uint256 badDebt)"
)


@MONITORS.register("collateral_gap")
class CollateralGap(MonitorType):
    """A contract owes more than it holds, by its own books: liabilities above assets by more than is tolerated."""

    label = "Collateral is missing"
    fault = "drain"
    icon = "shield"
    severity = "SEV1"
    figure = "gap_bps"

    class Config(Base):
        contract: str = Field(pattern=ADDRESS, description="the contract that keeps the books")
        name: str = Field(min_length=1, max_length=60, description="what it is, such as HelixVault")
        function: Function = Field(default=SOLVENCY, description="a view without arguments that names both figures")
        assets: str = Field(default="assets", max_length=60, description="the return value that is there")
        liabilities: str = Field(default="liabilities", max_length=60, description="the return value that is owed")
        tolerance_bps: int = Field(
            default=0, ge=0, le=10_000, description="gap that is no alarm, in hundredths of a per cent"
        )
        decimals: int = Field(default=18, ge=0, le=36, description="decimals of both figures")
        dollars: bool = Field(default=False, description="both are US dollars: what is at risk is proposed to people")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"collateral_gap:{config.contract.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        return [Read(config.contract, encode_call(config.function))]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        named = figures(config.function, answers[0])
        if named is None:
            return Blind(f"{config.name} does not say what it holds and owes")
        there, owed = named.get(config.assets), named.get(config.liabilities)
        if not isinstance(there, int) or not isinstance(owed, int):
            return Blind(f"the function names no {config.assets} or no {config.liabilities}")
        gap = max(0, owed - there)
        share = gap * 10_000 // owed if gap else 0
        reading = {"gap_bps": share, "limit": config.tolerance_bps}
        reading |= {"assets": units(there, config.decimals), "liabilities": units(owed, config.decimals)}
        if gap and gap * 10_000 > owed * config.tolerance_bps:
            missing = units(gap, config.decimals)
            reading |= funds(config, at_risk=there, moved=gap)
            return Breach(f"{config.name} owes {missing} ({percent(share)}) more than it holds", reading)
        return Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} holds what it owes"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"vault": config.contract}


def figures(function: str, raw: bytes | None) -> dict[str, Any] | None:
    """A call's return values by name; None where it did not answer like this."""
    if raw is None:
        return None
    try:
        values = decode_output(function, "", raw)
    except Invalid:
        return None
    return {
        one.name or str(place): value
        for place, (one, value) in enumerate(zip(find_function(function).outputs, values, strict=True))
    }
