"""A Safe that is not what it was."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from incidents.monitors import MONITORS, Answer, At, Blind, Breach, Calm, MonitorType, Read, Slot, Verdict
from incidents.watch.asking import words
from incidents.watch.fields import ADDRESS, OPTIONAL_ADDRESS, Lines, address_in
from integrations.chain.abi import decode_output, encode_call
from integrations.chain.hashing import keccak
from integrations.families import Config as Base
from ledger.errors import Invalid

OWNERS = "getOwners() view returns (address[] owners)"
THRESHOLD = "getThreshold() view returns (uint256 threshold)"
MODULES = "getModulesPaginated(address start, uint256 pageSize) view returns (address[] modules, address next)"
FIRST = "0x" + "00" * 19 + "01"
SLOTS = {
    "singleton": 0,
    "guard": int.from_bytes(keccak(b"guard_manager.guard.address")),
    "module_guard": int.from_bytes(keccak(b"module_manager.module_guard.address")),
    "fallback_handler": int.from_bytes(keccak(b"fallback_manager.handler.address")),
}


@MONITORS.register("safe_changed")
class SafeChanged(MonitorType):
    """A Safe's owners, threshold, modules, guards, fallback handler or singleton are not those that were agreed on."""

    label = "Safe changed"
    fault = "safe-module"
    icon = "key"
    severity = "SEV1"

    class Config(Base):
        safe: str = Field(pattern=ADDRESS, description="the Safe's address")
        name: str = Field(min_length=1, max_length=60, description="what it is, such as Guardian Safe")
        owners: Lines = Field(default=(), description="a line each; empty: as they are now")
        threshold: int = Field(default=0, ge=0, le=1000, description="0: as it is now")
        modules: Lines = Field(default=(), description="modules that are all right; a line each")
        singleton: str = Field(default="", pattern=OPTIONAL_ADDRESS, description="empty: as it is now")
        guard: str = Field(default="", pattern=OPTIONAL_ADDRESS, description="empty: as it is now")
        module_guard: str = Field(default="", pattern=OPTIONAL_ADDRESS, description="empty: as it is now")
        fallback_handler: str = Field(default="", pattern=OPTIONAL_ADDRESS, description="empty: as it is now")

    @classmethod
    def key(cls, config: Any) -> str:
        return f"safe_changed:{config.safe.lower()}"

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read | Slot]:
        calls = [encode_call(OWNERS), encode_call(THRESHOLD), encode_call(MODULES, args=[FIRST, 100])]
        return [*(Read(config.safe, data) for data in calls), *(Slot(config.safe, slot) for slot in SLOTS.values())]

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        found = _state(answers)
        if found is None:
            return Blind(f"{config.name} does not answer like a Safe")
        said = _lists(config.owners, found["owners"], "owner") if config.owners else []
        said += _lists(config.modules, found["modules"], "module", gone=False)
        if config.threshold and found["threshold"] != config.threshold:
            said.append(f"threshold {found['threshold']} instead of {config.threshold}")
        for name in SLOTS:
            wanted = getattr(config, name)
            if wanted and wanted.lower() != found[name].lower():
                said.append(f"another {name.replace('_', ' ')}: {found[name]}")
        reading = {name: len(value) if isinstance(value, list) else value for name, value in found.items()}
        if said:
            return Breach(f"{config.name}: {'; '.join(said)}"[:200], {**reading, "changes": said})
        return Calm(reading)

    @classmethod
    def fill(cls, config: Any, answers: Sequence[Answer]) -> dict[str, Any]:
        found = _state(answers)
        if found is None:
            return {}
        return {name: found[name] for name in ("owners", "threshold", *SLOTS) if not getattr(config, name)}

    @classmethod
    def describe(cls, config: Any) -> str:
        return f"{config.name} keeps its owners, threshold, modules and guards"

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        return {"safe": config.safe}


def _state(answers: Sequence[Answer]) -> dict[str, Any] | None:
    owners, threshold, modules, *slots = answers
    places = [address_in(word) for word in slots]
    count = words(threshold, 1)
    if owners is None or modules is None or count is None or None in places:
        return None
    try:
        (listed,) = decode_output(OWNERS, "", owners)
        (enabled, _next) = decode_output(MODULES, "", modules)
    except Invalid:
        return None
    return {
        "owners": list(listed),
        "threshold": count[0],
        "modules": list(enabled),
        **dict(zip(SLOTS, places, strict=True)),
    }


def _lists(wanted: Sequence[str], found: Sequence[str], noun: str, *, gone: bool = True) -> list[str]:
    known, there = {one.lower() for one in wanted}, {one.lower() for one in found}
    new = [f"new {noun} {one}" for one in found if one.lower() not in known]
    return new + ([f"{noun} gone: {one}" for one in wanted if one.lower() not in there] if gone else [])
