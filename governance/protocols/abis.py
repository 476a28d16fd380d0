"""An ABI as people hand it in, checked and kept to what is needed: it decides how calls are put into words."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from integrations.chain.abi_types import Function, parse_abi
from ledger import Invalid

KINDS = ("function", "event", "error")
OTHERS = ("constructor", "fallback", "receive")
MOST_ENTRIES, MOST_BYTES, MOST_PARAMETERS, DEEPEST = 2_000, 400_000, 100, 8
HINT = "the ABI of the contract: a JSON list, or a compiler's artifact that holds it as `abi`"


def read_abi(given: object) -> list[dict[str, Any]]:
    """The entries with what is read of them, or Invalid naming the entry."""
    found = _parsed(given) if isinstance(given, str) else given
    if isinstance(found, Mapping):
        found = found.get("abi")
    if not isinstance(found, list) or not found:
        raise Invalid("abi", "This is no ABI.", HINT)
    if len(found) > MOST_ENTRIES:
        raise Invalid("abi", f"{len(found)} entries are too many.", f"at most {MOST_ENTRIES}")
    entries = [kept for number, one in enumerate(found) if (kept := _entry(one, f"abi.{number}"))]
    if not any(one["type"] == "function" for one in entries):
        raise Invalid("abi", "It has no function, so that no call could be put into words.", HINT)
    return entries


def _parsed(text: str) -> object:
    if len(text) > MOST_BYTES:
        raise Invalid("abi", f"It is longer than {MOST_BYTES} characters.", "the ABI alone, without bytecode")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("abi", "This is not JSON.", HINT) from None


def _entry(one: object, where: str) -> dict[str, Any] | None:
    if not isinstance(one, Mapping):
        raise Invalid(where, "An entry of an ABI is an object.", HINT)
    kind = one.get("type", "function")
    if kind in OTHERS:
        return None
    if kind not in KINDS:
        raise Invalid(where, "It is of no kind that an ABI has.", ", ".join((*KINDS, *OTHERS)))
    kept: dict[str, Any] = {"type": kind, "name": _text(one.get("name"), where)}
    kept["inputs"] = _params(one.get("inputs", []), f"{where}.inputs")
    if kind == "function":
        kept["outputs"] = _params(one.get("outputs", []), f"{where}.outputs")
        kept["stateMutability"] = _text(one.get("stateMutability", "nonpayable"), where)
    try:
        parse_abi([kept], kind)
    except Invalid as error:
        raise Invalid(where, error.message, error.hint) from None
    return kept


def _params(given: object, where: str, depth: int = 0) -> list[dict[str, Any]]:
    if not isinstance(given, list) or len(given) > MOST_PARAMETERS or depth > DEEPEST:
        raise Invalid(where, "These are no parameters.", f"a list of at most {MOST_PARAMETERS}, {DEEPEST} deep")
    found = []
    for one in given:
        if not isinstance(one, Mapping):
            raise Invalid(where, "A parameter is an object.", 'such as {"name": "amount", "type": "uint256"}')
        kept: dict[str, Any] = {"name": _text(one.get("name", ""), where), "type": _text(one.get("type"), where)}
        if kept["type"].startswith("tuple"):
            kept["components"] = _params(one.get("components", []), f"{where}.components", depth + 1)
        if "indexed" in one:
            kept["indexed"] = bool(one["indexed"])
        found.append(kept)
    return found


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > 200 or not value.isascii() or not (value.isprintable()):
        raise Invalid(where, "A name or a type is missing, or is no plain text.", "as the compiler writes it")
    return value


def digest(abi: list[dict[str, Any]]) -> str:
    """What the record names an ABI by."""
    return hashlib.sha256(json.dumps(abi, sort_keys=True).encode()).hexdigest()


def function_in(functions: Mapping[bytes, Function], given: str) -> Function:
    """The function of a pinned ABI by its name, signature or selector."""
    text = "".join(given.split())
    by_name = [one for one in functions.values() if text in (one.name, one.signature)]
    by_selector = [one for one in functions.values() if text.lower() == f"0x{one.selector.hex()}"]
    found = by_selector or by_name
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(one.signature for one in found)
        raise Invalid("function", f"The name {text[:80]} is ambiguous.", f"one of {choices}"[:500])
    raise Invalid("function", f"The pinned ABI has no function {text[:80]}.", "a function of this contract")
