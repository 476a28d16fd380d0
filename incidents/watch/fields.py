"""Types of a monitor's config, and how what was read is shown."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from integrations.chain.abi_types import parse_signature
from integrations.chain.addresses import checksum
from ledger.errors import Invalid

ADDRESS = r"^0x[0-9a-fA-F]{40}$"
OPTIONAL_ADDRESS = r"^(0x[0-9a-fA-F]{40})?$"
ZERO = "0x" + "00" * 20

Name = Annotated[str, Field(min_length=1, max_length=60)]
Bps = Annotated[int, Field(ge=1, le=1_000_000)]
Seconds = Annotated[int, Field(ge=10, le=86_400)]


def funds(config: Any, at_risk: int, moved: int) -> dict[str, int]:
    """What a monitor of dollars proposes to the war room, in whole ones; nothing where the token is another."""
    one = 10**config.decimals
    return {"funds_at_risk_usd": at_risk // one, "funds_moved_usd": moved // one} if config.dollars else {}


def _lines(value: Any) -> Any:
    """A form has one text with a line each; everybody else a list."""
    if isinstance(value, str):
        return tuple(line.strip() for line in value.splitlines() if line.strip())
    return value


Lines = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], BeforeValidator(_lines), Field(max_length=100)]


def _function(value: str) -> str:
    try:
        found = parse_signature(value)
    except Invalid as error:
        raise ValueError(f"{error.message} ({error.hint})") from None
    if not found.outputs:
        raise ValueError("it must say what it returns, such as owner() view returns (address)")
    return value


Function = Annotated[str, Field(max_length=500), BeforeValidator(_function)]


def _event(value: str) -> str:
    try:
        parse_signature(value)
    except Invalid as error:
        raise ValueError(f"{error.message} ({error.hint})") from None
    return value


EventLine = Annotated[str, Field(max_length=500), BeforeValidator(_event)]


def address_in(word: bytes | None) -> str | None:
    """The address that a word holds; None where there is no word, or more than an address in it."""
    if word is None or len(word) < 32 or any(word[:12]):
        return None
    return checksum(word[12:32])


def percent(bps: int) -> str:
    return f"{bps / 100:g} %"


def units(amount: int, decimals: int) -> str:
    """An amount for people: exact enough to compare, short enough to read."""
    whole, rest = divmod(abs(amount), 10**decimals)
    tail = f"{rest:0{decimals}d}"[:2].rstrip("0") if decimals else ""
    return f"{'-' if amount < 0 else ''}{whole:,}{'.' + tail if tail else ''}"


def shown_time(seconds: int) -> str:
    """How long, roughly: 90 s, 12 min, 3 h."""
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
