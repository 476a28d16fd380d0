"""How a piece of work can end a turn."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


class LostLease(Exception):
    """Somebody else has claimed the row since; whatever we were about to write is not ours to write."""


@dataclass(frozen=True)
class Done:
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Retry:
    """It failed and may work later. Counts as a failure; after the last one the row is failed."""

    error: str
    after: timedelta | None = None


@dataclass(frozen=True)
class Wait:
    """Nothing is wrong and nothing is to be done before then, or before somebody wakes it. Costs no worker."""

    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Fail:
    error: str


@dataclass(frozen=True)
class Unknown:
    """Nobody can say whether it happened: parked for a person, with what is known and the safe choices."""

    known: dict[str, Any]
    choices: list[str]


Outcome = Done | Retry | Wait | Fail | Unknown


@dataclass(frozen=True)
class Backoff:
    """Seconds before the next try: base, 2·base, 4·base … up to cap."""

    base: float = 1
    cap: float = 300

    def after(self, failures: int) -> timedelta:
        return timedelta(seconds=min(self.base * 2 ** min(max(failures - 1, 0), 30), self.cap))
