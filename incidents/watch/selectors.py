"""Reads about monitors: what they look at, what they read lately."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from pydantic import ValidationError

from accounts.models import User
from incidents.alerts.models import Alert
from incidents.monitors import MONITORS
from incidents.watch.evaluate import key_of, name_of
from incidents.watch.models import Monitor, WatchedBlock
from incidents.watch.trying import Point

CHARTED = 96
Reading = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """A monitor in a list, with what it read last."""

    monitor: Monitor
    label: str
    words: str
    reading: str


def describe(monitor: Monitor) -> str:
    """What it looks at, in words; an old config that no longer fits says so."""
    if monitor.kind not in MONITORS:
        return f"there is no kind {monitor.kind}"
    kind = MONITORS[monitor.kind]
    try:
        return kind.describe(kind.Config.model_validate(monitor.config))
    except ValidationError:
        return "its config is not valid any more"


def label_of(kind: str) -> str:
    return MONITORS[kind].label if kind in MONITORS else kind


def alert_key(monitor: Monitor) -> str:
    """Empty for one that cannot be asked any more."""
    try:
        kind = MONITORS[monitor.kind]
        return key_of(kind, kind.Config.model_validate(monitor.config), monitor.chain)
    except (ValidationError, LookupError, ValueError):
        return ""


def rows(monitors: Iterable[Monitor]) -> list[Row]:
    listed = list(monitors)
    latest = {chain: newest_readings(chain) for chain in {one.chain_id for one in listed}}
    return [
        Row(one, label_of(one.kind), describe(one), in_short(latest[one.chain_id].get(name_of(one.pk)), figure_of(one)))
        for one in listed
    ]


def newest_readings(chain: int) -> Mapping[str, Any]:
    found = WatchedBlock.objects.filter(chain=chain).order_by("-pk").values_list("readings", flat=True).first()
    return found or {}


def figure_of(monitor: Monitor) -> str:
    return MONITORS[monitor.kind].figure if monitor.kind in MONITORS else ""


def in_short(said: Any, figure: str) -> str:
    """The figure and its limit, or something that was read."""
    if not said:
        return ""
    reading = dict(said[1])
    limit = reading.pop("limit", None)
    if "why" in reading or not reading:
        return str(reading.get("why", ""))
    name = figure if figure in reading else next(iter(reading))
    value = reading[name]
    known = worded(name, value, short=True)
    return f"{named(name)} {known}" + (f" of {worded(name, limit)}" if limit is not None else "")


def named(name: str) -> str:
    return name.removesuffix("_bps").removesuffix("_ms").replace("_", " ")


def worded(name: str, value: Any, *, short: bool = False) -> Any:
    """With the unit that the name tells of; in short, an address or a hash shows its ends."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value / 100:.2f} %" if name.endswith("_bps") else f"{value} ms" if name.endswith("_ms") else value
    if short and isinstance(value, str) and value.startswith("0x") and len(value) > 20:
        return f"{value[:6]}…{value[-4:]}"
    return value


def last_reading(monitor: Monitor) -> list[tuple[str, Any]]:
    said = newest_readings(monitor.chain_id).get(name_of(monitor.pk))
    reading = said[1] if said else monitor.reading
    return shown(reading, figure_of(monitor))


def shown(reading: Mapping[str, Any], figure: str = "") -> list[tuple[str, Any]]:
    """For a list of facts, the figure and its limit first; the database keeps no order."""
    ordered = sorted(reading, key=lambda name: (name != figure, name != "limit"))
    return [(named(name), worded(figure if name == "limit" else name, reading[name])) for name in ordered]


def charted(monitor: Monitor) -> tuple[list[Point], int | None]:
    """The figure of the last blocks, oldest first, and the limit it stands against."""
    figure = figure_of(monitor)
    found = WatchedBlock.objects.filter(chain=monitor.chain_id).order_by("-number", "-pk")
    fields = ("number", "timestamp", f"readings__{name_of(monitor.pk)}")
    points: list[Point] = []
    limit: int | None = None
    for number, timestamp, said in found.values_list(*fields)[:CHARTED]:
        state, reading = _said(said)
        value = reading.get(figure)
        if not points or points[-1].number != number:  # of a reorg's blocks the one looked at last
            points.append(Point(number, timestamp, state, value if isinstance(value, int) else None))
        limit = reading.get("limit", limit) if limit is None else limit
    return points[::-1], limit


def _said(stored: Any) -> Reading:
    return stored or ("unknown", {})


def alerts_of(monitor: Monitor, user: User) -> "QuerySet[Alert]":
    return Alert.objects.visible_to(user).filter(monitor=monitor).select_related("incident")[:20]
