"""Who is on call when: the layers, the last one that covers a moment on top, and overrides above them all. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from notify.rotations.layers import Layer


@dataclass(frozen=True)
class Stand:
    """Somebody stands in for a while."""

    who: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Shift:
    """From then till then: this person, or nobody."""

    who: str | None
    since: datetime
    until: datetime
    stands_in: bool = False


@dataclass(frozen=True)
class Roster:
    """Everything that decides who is on call. Of two who stand in at once the later entry counts."""

    zone: ZoneInfo
    layers: Sequence[Layer]
    stands: Sequence[Stand] = ()

    def holder(self, at: datetime) -> tuple[str | None, bool]:
        for stand in reversed(self.stands):
            if stand.since <= at < stand.until:
                return stand.who, True
        for layer in reversed(self.layers):
            if (who := layer.holder(at, self.zone)) is not None:
                return who, False
        return None, False

    def shifts(self, since: datetime, until: datetime) -> list[Shift]:
        """Without gaps: a time in which nobody is on call is a shift of nobody."""
        edges = sorted({since, *(edge for edge in self._edges(since, until) if since < edge < until)})
        return list(_joined(self._shift(edge, end) for edge, end in zip(edges, [*edges[1:], until], strict=True)))

    def _shift(self, since: datetime, until: datetime) -> Shift:
        who, stands_in = self.holder(since)
        return Shift(who, since, until, stands_in)

    def _edges(self, since: datetime, until: datetime) -> Iterable[datetime]:
        for stand in self.stands:
            yield from (stand.since, stand.until)
        for layer in self.layers:
            yield from layer.edges(since, until, self.zone)


def _joined(shifts: Iterable[Shift]) -> Iterable[Shift]:
    before: Shift | None = None
    for shift in shifts:
        if before and (before.who, before.stands_in) == (shift.who, shift.stands_in):
            before = replace(before, until=shift.until)
            continue
        if before:
            yield before
        before = shift
    if before:
        yield before
