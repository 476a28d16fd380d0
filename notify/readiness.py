"""Whether somebody would be reached, in one line for the front page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

from notify.ladders.gaps import gaps
from notify.rotations.selectors import Calendar, Turn, calendars

KEPT = 15  # seconds: every open front page asks at every event


@dataclass(frozen=True)
class OnCall:
    """Who is on call, and the first things that would go wrong."""

    words: str
    gaps: tuple[str, ...]


def on_call() -> OnCall:
    found: OnCall | None = cache.get("notify.on-call")
    if found is None:
        found = OnCall(_words(calendars()), tuple(gap.what for gap in gaps()))
        cache.set("notify.on-call", found, KEPT)
    return found


def _words(found: list[Calendar]) -> str:
    """Of the rotation that comes first; all of them are a click away."""
    if not found:
        return "no rotation"
    first = found[0]
    if first.next is None:
        return _name(first.now)
    return f"{_name(first.now)} → {_name(first.next)} in {_left(first.now.shift.until)}"


def _name(turn: Turn) -> str:
    return turn.user.display_name if turn.user else "nobody"


def _left(until: datetime) -> str:
    left = until - timezone.now()
    if left >= timedelta(days=2):
        return f"{left.days} d"
    return f"{left // timedelta(hours=1)} h" if left >= timedelta(hours=1) else f"{left // timedelta(minutes=1)} min"
