"""Small filters for the room's pages."""

from datetime import UTC, datetime
from typing import Any

from django import template

register = template.Library()


@register.filter
def moment(text: str) -> datetime | None:
    """An ISO time out of stored JSON."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


@register.filter
def readable(value: str, name: str) -> str:
    """A number that is a time, by its getter's name and its size, with that time beside it."""
    looks_like_time = name.lower().endswith(("until", "at", "time", "timestamp", "expiry"))
    if looks_like_time and value.isdigit() and 1_500_000_000 < int(value) < 5_000_000_000:
        return f"{value} ({datetime.fromtimestamp(int(value), UTC):%Y-%m-%d %H:%M} UTC)"
    return value


@register.filter
def of_address(owning: list[Any], address: str) -> Any:
    """The owning Safe at an address, among those of a proposal."""
    return next((one for one in owning or () if one.safe.address == address), None)
