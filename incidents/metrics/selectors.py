"""How fast we were: each incident's times, and their medians by severity, by failure mode and by month."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from django.db.models import Min

from incidents.incidents.models import Incident
from incidents.incidents.selectors import visible_incidents
from ledger.models import Event

MOST = 500
ANSWERED = ("incident.command.taken", "page.acked")
FIRSTS = ("incident.contained", "incident.restored")
KINDS = ("detect", "acknowledge", "contain", "restore")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one incident; None for what did not happen, or whose beginning nobody knows."""

    incident: Incident
    detect: int | None
    acknowledge: int | None
    contain: int | None
    restore: int | None

    @property
    def month(self) -> str:
        return f"{self.incident.opened_at:%Y-%m}"

    @property
    def cells(self) -> list[int | None]:
        return [getattr(self, kind) for kind in KINDS]


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of a group, each with how many incidents it is of."""

    name: str
    count: int
    medians: tuple[tuple[int | None, int], ...]


def times(viewer: Any) -> list[Times]:
    """Of the newest incidents that the viewer may see; what was declined or merged was none of its own."""
    found = visible_incidents(viewer).exclude(status__in=("declined", "merged")).order_by("-pk")[:MOST]
    incidents = list(found)
    rows = Event.objects.filter(scope__in=[one.scope_id for one in incidents], verb__in=(*ANSWERED, *FIRSTS))
    firsts = {(scope, verb): at for scope, verb, at in rows.values_list("scope", "verb").annotate(at=Min("at"))}
    return [_times(one, firsts) for one in incidents]


def _times(one: Incident, firsts: dict[tuple[int, str], datetime]) -> Times:
    contained, restored = (firsts.get((one.scope_id, verb)) for verb in FIRSTS)
    answered = min((at for verb in ANSWERED if (at := firsts.get((one.scope_id, verb)))), default=None)
    begun = one.first_bad_at or one.detected_at or one.opened_at
    return Times(
        incident=one,
        detect=_seconds(one.first_bad_at, one.detected_at),
        acknowledge=_seconds(one.opened_at, answered),
        contain=_seconds(begun, contained),
        restore=_seconds(begun, restored),
    )


def _seconds(since: datetime | None, until: datetime | None) -> int | None:
    return None if since is None or until is None else max(0, int((until - since).total_seconds()))


def grouped(found: Iterable[Times], by: Callable[[Times], str]) -> list[Row]:
    groups: dict[str, list[Times]] = {}
    for one in found:
        groups.setdefault(by(one), []).append(one)
    return [Row(name, len(group), _medians(group)) for name, group in sorted(groups.items())]


def _medians(group: list[Times]) -> tuple[tuple[int | None, int], ...]:
    known = [[value for one in group if (value := getattr(one, kind)) is not None] for kind in KINDS]
    return tuple((int(median(values)) if values else None, len(values)) for values in known)
