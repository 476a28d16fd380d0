"""A proxy that leads somewhere else than it did."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Slot, Verdict
from incidents.watch.fields import ADDRESS, OPTIONAL_ADDRESS, ZERO, address_in
from integrations.chain.hashing import keccak
from integrations.families import Config as Base


def _slot(name: str) -> int:
    return int.from_bytes(keccak(f"eip1967.proxy.{name}".encode())) - 1


SLOTS = {name: _slot(name) for name in ("implementation", "admin", "beacon")}


@MONITORS.register("implementation_changed")
class ImplementationChanged(MonitorType):
    """An ERC-1967 proxy has another implementation, admin or beacon than the one that was agreed on."""

    label = "Implementation changed"
    fault = "upgrade"
    icon = "shield"
    severity = "SEV1"

    class Config(Base):
        proxy: str = Field(pattern=ADDRESS, description="the proxy's address")
        name: str = Field(min_length=1, max_length=60, description="what it is, such as HelixVault")
        implementation: str = Field(default="", pattern=OPTIONAL_ADDRESS, description="empty: as it is now")
        admin: str = Field(default="", pattern=OPTIONAL_ADDRESS, description="empty: as it is now")
        beacon: str = Field(default="", pattern=OPTIONAL_ADDRESS, description="empty: as it is now")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"implementation_changed:{config.proxy.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Slot]:
        return [Slot(config.proxy, slot) for slot in SLOTS.values()]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        found = {name: address_in(word) for name, word in zip(SLOTS, answers, strict=True)}
        if None in found.values():
            return Blind(f"the slots of {config.name} cannot be read")
        if found["implementation"] == found["beacon"] == ZERO:
            return Blind(f"{config.name} is no ERC-1967 proxy")
        wanted = {name: getattr(config, name) for name in SLOTS}
        other = [name for name, value in wanted.items() if value and value.lower() != str(found[name]).lower()]
        reading = {name: value for name, value in found.items() if value != ZERO or name in other}
        if other:
            return Breach(f"{config.name}: another {' and '.join(other)}", reading)
        return Calm(reading)

    @classmethod
    def fill(cls, config: Any, answers: Sequence[Answer]) -> dict[str, Any]:
        found = zip(SLOTS, answers, strict=True)
        return {name: address_in(word) or "" for name, word in found if not getattr(config, name)}

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} keeps its implementation"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"vault": config.proxy}
