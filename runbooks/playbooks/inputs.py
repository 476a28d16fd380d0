"""Typed inputs of a playbook: what is asked when a run starts, and how an answer is checked."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ledger.errors import Invalid
from runbooks.plans.context import PlanContext
from runbooks.playbooks.durations import parse_duration, spell
from runbooks.steps import CLOSE, OPEN, Whole

InputType = Literal["address", "contract", "safe", "uint256", "amount", "duration", "choice", "text"]
MAX_UINT = 2**256 - 1


class InputSpec(BaseModel):
    """One input. `role` narrows a contract, `label` prefers a Safe, `choices` are a choice's, `unit` an amount's."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: InputType
    title: str = Field(default="", max_length=120)
    help: str = Field(default="", max_length=400)
    default: str | Whole | None = None
    role: str = Field(default="", max_length=40)
    label: str = Field(default="", max_length=40)
    choices: tuple[str, ...] = ()
    unit: str = Field(default="", max_length=16)
    decimals: Whole = Field(default=0, ge=0, le=36)
    max_length: Whole = Field(default=500, ge=1, le=4_000)

    @model_validator(mode="after")
    def _fits(self) -> "InputSpec":
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("`choices` belongs to type: choice, and a choice needs it")
        if len(set(self.choices)) != len(self.choices):
            raise ValueError("two of the `choices` are the same")
        if self.type == "amount" and not self.unit:
            raise ValueError("an amount needs its `unit`, for example hUSD, and `decimals`")
        if self.type != "contract" and self.role:
            raise ValueError("`role` belongs to type: contract")
        if self.type != "safe" and self.label:
            raise ValueError("`label` belongs to type: safe")
        if self.default is not None:
            self._default_fits()
        return self

    def _default_fits(self) -> None:
        """What nobody needs to look up is right or wrong already now."""
        try:
            if self.type in ("contract", "safe"):
                read_address(self.default)
            else:
                READERS[self.type](self, self.default, PlanContext())
        except ValueError as error:
            raise ValueError(f"`default`: {error}") from None


def read_inputs(
    specs: Mapping[str, InputSpec], given: Mapping[str, Any], context: PlanContext
) -> dict[str, dict[str, Any]]:
    """Check every answer; the result is plain JSON, fully resolved. Raises Invalid with the field at fault."""
    unknown = sorted(set(given) - set(specs))
    if unknown:
        raise Invalid(f"inputs.{unknown[0]}", "this playbook has no such input", f"it asks for {', '.join(specs)}")
    resolved: dict[str, dict[str, Any]] = {}
    for name, spec in specs.items():
        value = given.get(name)
        if value is None or value == "":
            value = spec.default
        if value is None:
            raise Invalid(f"inputs.{name}", "is required", spec.help or spec.title)
        try:
            resolved[name] = {"type": spec.type, **READERS[spec.type](spec, value, context)}
        except ValueError as error:
            raise Invalid(f"inputs.{name}", str(error), spec.help) from None
    return resolved


def given_inputs(filled: Mapping[str, Any]) -> dict[str, Any]:
    """One playbook's values as another one's answers: a contract by its address, an amount as it is written."""
    return {name: _as_answer(value) for name, value in filled.items()}


def _as_answer(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get("address", value.get("text", ""))
    if isinstance(value, str) and OPEN in value:
        raise ValueError("what a step yields is not known yet; another playbook's inputs must be")
    return value


def input_names(resolved: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What expressions see as `inputs`: whole numbers as numbers, contracts, Safes and durations as records."""
    names: dict[str, Any] = {}
    for name, item in resolved.items():
        kind = item["type"]
        if kind in ("contract", "safe", "amount", "duration"):
            record = {key: value for key, value in item.items() if key != "type"}
            names[name] = {**record, "value": int(record["value"])} if kind == "amount" else record
        elif kind == "uint256":
            names[name] = int(item["value"])
        else:
            names[name] = item["value"]
    return names


def read_address(value: Any) -> str:
    """Checksummed, or ValueError: a mixed-case address with a wrong checksum is a typing error, not a style."""
    text = str(value).strip()
    if not isinstance(value, str) or not is_hex_address(text) or not text.startswith("0x"):
        raise ValueError("an address is wanted: 0x and 40 hex digits")
    letters = text[2:]
    if letters not in (letters.lower(), letters.upper()) and not is_checksum_address(text):
        raise ValueError("the checksum of this address is wrong; copy it again")
    return str(to_checksum_address(text))


def _address(_spec: InputSpec, value: Any, _context: PlanContext) -> dict[str, Any]:
    return {"value": read_address(value)}


def _contract(spec: InputSpec, value: Any, context: PlanContext) -> dict[str, Any]:
    address = read_address(value)
    found = context.contract(address)
    if found is None:
        raise ValueError("no contract is registered at this address")
    if spec.role and found.role != spec.role:
        raise ValueError(f"{found.name} is registered as {found.role}; its role should be {spec.role}")
    return found.record()


def _safe(_spec: InputSpec, value: Any, context: PlanContext) -> dict[str, Any]:
    found = context.safe(read_address(value))
    if found is None:
        raise ValueError("no Safe is registered at this address")
    return found.record()


def _uint(_spec: InputSpec, value: Any, _context: PlanContext) -> dict[str, Any]:
    text = str(value).strip().replace("_", "")
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,78}", text, re.ASCII) or int(text) > MAX_UINT:
        raise ValueError("a whole number from 0 to 2^256 - 1 is wanted")
    return {"value": str(int(text))}


def _amount(spec: InputSpec, value: Any, _context: PlanContext) -> dict[str, Any]:
    text = str(value).strip().replace("_", "").removesuffix(spec.unit).strip()
    match = re.fullmatch(r"(\d{1,60})(?:\.(\d{1,36}))?", text, re.ASCII)
    if isinstance(value, bool) or not match:
        raise ValueError(f"an amount in {spec.unit} is wanted, for example 1500.25")
    whole, part = match.group(1), match.group(2) or ""
    if len(part) > spec.decimals:
        raise ValueError(f"{spec.unit} has only {spec.decimals} decimals")
    base = int(whole + part.ljust(spec.decimals, "0"))
    if base > MAX_UINT:
        raise ValueError("the amount is larger than a uint256")
    return {"value": str(base), "unit": spec.unit, "decimals": spec.decimals, "text": f"{text} {spec.unit}"}


def _duration(_spec: InputSpec, value: Any, _context: PlanContext) -> dict[str, Any]:
    seconds = parse_duration(value)
    return {"seconds": seconds, "text": spell(seconds)}


def _choice(spec: InputSpec, value: Any, _context: PlanContext) -> dict[str, Any]:
    if value not in spec.choices:
        raise ValueError(f"one of {', '.join(spec.choices)} is wanted")
    return {"value": str(value)}


def _text(spec: InputSpec, value: Any, _context: PlanContext) -> dict[str, Any]:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError("a text is wanted")
    text = str(value).replace("\r\n", "\n")  # as browsers end their lines
    if len(text) > spec.max_length:
        raise ValueError(f"at most {spec.max_length} characters")
    if any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueError("control characters are not allowed")
    if OPEN in text or CLOSE in text:
        raise ValueError("it holds a character without meaning")
    return {"value": text}


READERS: dict[str, Callable[[InputSpec, Any, PlanContext], dict[str, Any]]] = {
    "address": _address,
    "contract": _contract,
    "safe": _safe,
    "uint256": _uint,
    "amount": _amount,
    "duration": _duration,
    "choice": _choice,
    "text": _text,
}
