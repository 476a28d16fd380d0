"""An answer that is not what it was."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Verdict
from incidents.watch.fields import ADDRESS, Function, Lines
from integrations.chain.abi import decode_output, encode_call, find_function
from integrations.chain.abi_types import to_json
from integrations.families import Config as Base
from ledger.errors import Invalid


@MONITORS.register("value_changed")
class ValueChanged(MonitorType):
    """A view answers something else than was agreed on: an owner, an admin, a limit, a target, any setting."""

    label = "Owner or setting changed"
    fault = "migration-target"
    icon = "key"

    class Config(Base):
        contract: str = Field(pattern=ADDRESS, description="the contract that is asked")
        name: str = Field(min_length=1, max_length=60, description="what the answer is, such as owner of the vault")
        function: Function = Field(description="a view, such as owner() view returns (address)")
        arguments: Lines = Field(default=(), description="its arguments, a line each")
        expected: str = Field(default="", max_length=2000, description="the answer; empty: as it is now")

    @classmethod
    def key(cls, config: Any) -> str:
        asked = ",".join(config.arguments).lower()
        return f"value_changed:{config.contract.lower()}:{find_function(config.function).name}({asked})"[:150]

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        return [Read(config.contract, encode_call(config.function, args=list(config.arguments)))]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        found = shown(config.function, answers[0])
        if found is None:
            return Blind(f"{config.name} cannot be read")
        reading = {"value": found[:300], "expected": config.expected[:300]}
        if config.expected and found.lower() != config.expected.strip().lower():
            return Breach(f"{config.name} changed to {found[:80]}", reading)
        return Calm(reading)

    @classmethod
    def fill(cls, config: Any, answers: Sequence[Answer]) -> dict[str, Any]:
        found = shown(config.function, answers[0])
        return {"expected": found} if found and not config.expected else {}

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} stays {config.expected[:60] or 'as it is'}"


def shown(function: str, raw: bytes | None) -> str | None:
    """The answer as one text: its values in order, integers in digits, bytes as 0x."""
    if raw is None:
        return None
    try:
        values = [to_json(value) for value in decode_output(function, "", raw)]
    except Invalid:
        return None
    return ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
