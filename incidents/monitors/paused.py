"""A contract that somebody stopped."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Verdict
from incidents.watch.asking import words
from incidents.watch.fields import ADDRESS
from integrations.chain.abi import encode_call
from integrations.families import Config as Base


@MONITORS.register("paused")
class Paused(MonitorType):
    """A contract is paused, or in another mode than it should be in: somebody acted, and not everybody may know."""

    label = "Paused, or mode changed"
    fault = "pause-vault"
    icon = "lock"

    class Config(Base):
        contract: str = Field(pattern=ADDRESS, description="a contract with paused()")
        name: str = Field(min_length=1, max_length=60, description="what it is, such as HelixVault")
        mode: int = Field(default=-1, ge=-1, le=255, description="the mode() it should be in; -1: it has none")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"paused:{config.contract.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        reads = [Read(config.contract, encode_call("paused() view returns (bool)"))]
        if config.mode >= 0:
            reads.append(Read(config.contract, encode_call("mode() view returns (uint8)")))
        return reads

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        found = [words(answer, 1) for answer in answers]
        if found[0] is None or found[-1] is None:
            return Blind(f"{config.name} does not say whether it is paused")
        paused, mode = bool(found[0][0]), found[1][0] if len(found) > 1 and found[1] else None
        reading: dict[str, Any] = {"paused": paused} | (
            {"mode": mode, "expected": config.mode} if mode is not None else {}
        )
        said = [f"{config.name} is paused"] if paused else []
        if mode is not None and mode != config.mode:
            said.append(f"{config.name} is in mode {mode} instead of {config.mode}")
        return Breach("; ".join(said), reading) if said else Calm(reading)

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} is not paused" + (f" and in mode {config.mode}" if config.mode >= 0 else "")

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"vault": config.contract}
