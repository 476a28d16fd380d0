"""One value out of a JSON answer, as a type that a plan can carry: whole numbers exactly, as decimal text."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrations.chain.addresses import parse_address
from ledger.errors import Invalid

PATH = re.compile(
    r"([A-Za-z0-9_-]{1,100}|\[\d{1,6}\])(\[\d{1,6}\]){0,8}(\.[A-Za-z0-9_-]{1,100}(\[\d{1,6}\]){0,8}){0,20}"
)
"""`data.items[0].price`; a list at the top begins with `[0]`."""
_STEP = re.compile(r"[A-Za-z0-9_-]+|\[(\d+)\]")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,64}")
MAX_DIGITS = 78


def pick(document: Any, path: str) -> Any:
    """What stands at a path; ValueError names the part that is not there."""
    found = document
    for part in _STEP.finditer(path):
        word = part.group(0)
        if part.group(1) is not None:
            index = int(part.group(1))
            if not isinstance(found, Sequence) or isinstance(found, str) or index >= len(found):
                raise ValueError(f"there is no {word} in `{path}`")
            found = found[index]
        elif isinstance(found, Mapping) and word in found:
            found = found[word]
        else:
            raise ValueError(f"there is no `{word}` of `{path}`")
    return found


def typed(value: Any, kind: str, *, decimals: int = 0, max_length: int = 500) -> str | bool:
    """The value in the form in which plans carry it; ValueError says what is wanted instead."""
    if kind in ("uint256", "int256"):
        return str(_whole(value, signed=kind == "int256", decimals=decimals))
    if kind == "bool":
        if not isinstance(value, bool):
            raise ValueError("is not true or false")
        return value
    if not isinstance(value, str):
        raise ValueError("is not text")
    return _SHAPES[kind](value) if kind in _SHAPES else _text(value, max_length)


def _address(value: str) -> str:
    try:
        return str(parse_address(value))
    except Invalid:
        raise ValueError("is not an address") from None


def _bytes32(value: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
        raise ValueError("is not 32 bytes: 0x and 64 digits")
    return value.lower()


_SHAPES = {"address": _address, "bytes32": _bytes32}


def _text(value: str, max_length: int) -> str:
    if len(value) > max_length:
        raise ValueError(f"is longer than {max_length} characters")
    if any((ord(char) < 32 and char not in "\n\t") or 0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise ValueError("has control characters")
    return value


def _whole(value: Any, *, signed: bool, decimals: int) -> int:
    """An exact whole number: `1.5` with 2 decimals is 150, and `1.555` is refused rather than rounded."""
    if isinstance(value, str) and _HEX.fullmatch(value) and not decimals:
        number = int(value, 16)
    else:
        number = _from_digits(value, decimals)
    low, high = (-(2**255), 2**255) if signed else (0, 2**256)
    if not low <= number < high:
        raise ValueError(f"is outside {'int256' if signed else 'uint256'}")
    return number


def _from_digits(value: Any, decimals: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("is not a number")
    text = format(value, "f") if isinstance(value, Decimal) and abs(value.adjusted()) <= MAX_DIGITS else str(value)
    match = re.fullmatch(r"(-?)([0-9]{1,78})(?:\.([0-9]{1,78}))?", text.strip())
    if match is None:
        raise ValueError("is not a number that can be kept exactly")
    sign, whole, part = match.group(1), match.group(2), (match.group(3) or "").rstrip("0")
    if len(part) > decimals:
        raise ValueError(f"has more than {decimals} decimals" if decimals else "is not a whole number")
    return int(sign + whole + part.ljust(decimals, "0"))
