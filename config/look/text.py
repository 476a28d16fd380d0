"""Hashes, addresses, amounts and times as text a person can compare."""

from datetime import datetime, timedelta
from decimal import Decimal


def chunks(value: str, size: int = 4) -> list[str]:
    """`0xa1b2c3d4` as `["0x", "a1b2", "c3d4"]`."""
    body = value[2:] if value.startswith(("0x", "0X")) else value
    head = [value[:2]] if body != value else []
    return head + [body[i : i + size] for i in range(0, len(body), size)]


def shorten(value: str) -> str:
    """`0x1234…abcd`; what is short already stays whole."""
    return value if len(value) <= 14 else f"{value[:6]}…{value[-4:]}"


def groups(digits: str) -> list[str]:
    """`1234567` as `["1", "234", "567"]`."""
    first = len(digits) % 3
    head = [digits[:first]] if first else []
    return head + [digits[i : i + 3] for i in range(first, len(digits), 3)]


def exact(value: int | str | Decimal, decimals: int) -> tuple[str, str, str]:
    """Sign, whole part and fraction (without trailing zeros) of `value / 10**decimals`, exactly."""
    number = int(value)
    sign, digits = ("-" if number < 0 else ""), str(abs(number)).rjust(decimals + 1, "0")
    cut = len(digits) - decimals
    return sign, digits[:cut], digits[cut:].rstrip("0")


_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def relative(moment: datetime, now: datetime) -> str:
    """`12 s ago`, `in 6 h`: the same words as static/js/when.js."""
    seconds = int((now - moment).total_seconds())
    size = abs(seconds)
    if size < 1:
        return "now"
    for unit, name in _UNITS:
        if size >= unit:
            words = f"{size // unit} {name}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "now"


def clock(span: timedelta) -> str:
    """`00:03:41`; days go into the hours."""
    seconds = max(0, int(span.total_seconds()))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
