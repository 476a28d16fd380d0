"""Durations as people write them (`90s`, `10m`, `1h30m`), kept as whole seconds."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
PATTERN = r"^([0-9]{1,4}d)?([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$"
LONGEST = 90 * 86_400


def parse_duration(value: Any) -> int:
    """Seconds. A duration that an input yielded comes as a record with its spelling."""
    if isinstance(value, Mapping):
        value = value.get("text")
    if isinstance(value, bool) or not isinstance(value, str) or not value or not re.fullmatch(PATTERN, value):
        raise ValueError("a duration is wanted, such as 90s, 10m or 1h30m")
    seconds = sum(int(number) * UNITS[unit] for number, unit in re.findall("([0-9]+)([dhms])", value))
    if seconds > LONGEST:
        raise ValueError("a duration may be at most 90 days")
    return seconds


def spell(seconds: int) -> str:
    """90 → `1m30s`: the shortest spelling that reads back to the same."""
    parts = []
    for unit, size in UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    Field(ge=0),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "minLength": 2, "examples": ["90s", "10m", "1h30m"]}),
]
