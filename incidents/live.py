"""What a war room and the front page follow."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from incidents.incidents.models import Incident
from incidents.incidents.record import line_corrected_by
from incidents.incidents.selectors import WarRoom
from incidents.incidents.views import room_context
from incidents.incidents.words import Line, Names, line_of, shown
from ledger.access import AnyInsider
from ledger.live.topics import topic
from ledger.models import Event, ScopeClosure
from runbooks.live import run_and_step
from runbooks.runs.selectors import touched_with

DESK = (
    "incident.",
    "alert.",
    "approval.",
    "proposal.",
    "confirmation.",
    "run.",
    "step.waiting",
    "step.done",
    "monitor.",
    "task.",
    "page.",
)


MOVED = tuple(f"incident.{status}" for status in Incident.State.values)
WHOLE = ("run.", *MOVED, "incident.took_in")  # what the part with the run shows
MORE = ("run.", *MOVED, "incident.severity.", "incident.took_in", "alert.", "incident.alert.", "scope.")
BOARD = ("incident.", "task.", "address.", "alert.")


def _scope_of(pk: int) -> int | None:
    found = Incident.objects.filter(pk=pk).values_list("scope_id", flat=True).first()
    if found is None:
        raise LookupError(pk)
    return found


def _matches(event: Event) -> list[int]:
    if event.scope_id is None:
        return []
    above = ScopeClosure.objects.filter(descendant_id=event.scope_id).values("ancestor_id")
    return list(Incident.objects.filter(scope__in=above).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Seen:
    """What an event shows of a room, read once for all who are told of it."""

    key: tuple[int, int]
    at: float
    room: WarRoom
    found: Any
    line: Line | None
    corrected: Line | None


A_MOMENT = 1.0
_last = threading.local()


def _seen(event: Event, pk: int) -> Seen:
    """An event is drawn for one audience right after the other. Whoever has it drawn later sees the room of then."""
    last: Seen | None = getattr(_last, "seen", None)
    if last is not None and last.key == (event.pk, pk) and time.monotonic() - last.at < A_MOMENT:
        return last
    incident = Incident.objects.select_related("scope", "commander", "protocol", "handover_to").get(pk=pk)
    seen = Seen(
        key=(event.pk, pk),
        at=time.monotonic(),
        room=WarRoom(incident, AnyInsider.of(incident.scope_id)),
        found=run_and_step(event),
        line=line_of(event, Names([event])) if shown(event) else None,
        corrected=line_corrected_by(event),
    )
    _last.seen = seen
    return seen


def _render(event: Event, pk: int, audience: str) -> str:
    seen = _seen(event, pk)
    room = room_context(seen.room, audience)
    step, line = seen.found[1] if seen.found else None, seen.line
    context = {
        **room,
        "touched": touched_with(room["list"], step) if step and room["list"] else set(),
        "whole": event.verb.startswith(WHOLE),
        "more": event.verb.startswith(MORE),
        "board": event.verb.startswith(BOARD),
        "asked": event.verb.startswith(("proposal.", "confirmation.")),
        "corrected": seen.corrected,
        "line": line,
        "groups": ("all", line.group) if line else (),
    }
    return render_to_string("incidents/fragments.html", context)


topic("incident", scope_of=_scope_of, matches=_matches, render=_render, here=True)


def _no_scope(_pk: int) -> int | None:
    return None


def _desk(event: Event) -> list[int]:
    return [0] if event.verb.startswith(DESK) else []


def _nothing(_event: Event, _pk: int, _audience: str) -> str:
    """The desk is personal: the page hears that something happened, and asks again for itself."""
    return ""


topic("desk", scope_of=_no_scope, matches=_desk, render=_nothing)
