"""The timeline of an incident: its scope's events and those of the scopes below, newest first, a page at a time.

A page costs the same whether ten events lie before it or ten thousand: of each scope only as many are read, from the
end of its index, as could stand on the page.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from incidents.incidents.models import Incident
from incidents.incidents.words import GROUPS, HIDDEN, Line, lines_of
from incidents.updates.models import Update
from incidents.updates.services import EDITED, VERBS
from ledger.models import Event, Scope, ScopeClosure

PAGE = 60
NEWEST = """
SELECT found.id FROM unnest(%(scopes)s::bigint[]) AS scope (id) CROSS JOIN LATERAL (
  SELECT e.id FROM ledger_event e
  WHERE e.scope_id = scope.id AND e.id < %(before)s
    AND e.verb !~ %(hidden)s AND e.verb ~ %(wanted)s AND e.verb !~ %(barred)s
  ORDER BY e.id DESC LIMIT %(limit)s
) AS found ORDER BY found.id DESC LIMIT %(limit)s
"""
END = 2**63 - 1
NEVER = "^$"  # no event has a verb without letters
WRITTEN = frozenset(VERBS.values())


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, and where the page before them ends; 0 at the beginning of the record."""

    lines: list[Line]
    before: int


def _one_of(starts: Iterable[str]) -> str:
    return "^(" + "|".join(re.escape(start) for start in starts) + ")"


def _filter(group: str) -> dict[str, str]:
    """What has no group of its own belongs to the run's (as `words.group_of` has it)."""
    if not group:
        return {"wanted": "", "barred": NEVER}
    if group == "run":
        return {
            "wanted": "",
            "barred": _one_of(start for name, all_of in GROUPS.items() if name != "run" for start in all_of),
        }
    earlier = list(GROUPS)[: list(GROUPS).index(group)]
    barred = [start for name in earlier for start in GROUPS[name]]
    return {"wanted": _one_of(GROUPS[group]), "barred": _one_of(barred) if barred else NEVER}


def record_of(incident: Incident, viewer: Any, *, group: str = "", before: int = 0, limit: int = PAGE) -> Page:
    """`group` is people, chain, run or told; `before` the number of the oldest event of the page after this one."""
    below = ScopeClosure.objects.filter(ancestor=incident.scope_id).values("descendant_id")
    scopes = list(Scope.objects.filter(pk__in=below).visible_to(viewer).values_list("pk", flat=True))
    values: dict[str, Any] = {
        "scopes": scopes,
        "before": before or END,
        "hidden": _one_of(HIDDEN),
        "limit": limit,
        **_filter(group),
    }
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, values)
        ids = [pk for (pk,) in cursor.fetchall()]
    lines = corrected(lines_of(Event.objects.filter(pk__in=ids).order_by("-pk")))
    return Page(lines, ids[-1] if len(ids) == limit else 0)


def corrected(lines: list[Line]) -> list[Line]:
    """Texts that were put right are shown as they read now, with what they said before."""
    numbers = [int(line.subject.partition(":")[2]) for line in lines if line.verb in WRITTEN and ":" in line.subject]
    edited = (
        {one.subject: one for one in Update.objects.filter(pk__in=numbers).exclude(edited_at=None)} if numbers else {}
    )
    if not edited:
        return lines
    before: dict[str, list[str]] = {}
    for event in Event.objects.filter(subject__in=edited, verb__in=EDITED.values()).order_by("pk"):
        before.setdefault(event.subject, []).append(" / ".join(str(text) for text in (event.before or {}).values()))
    return [
        replace(line, long=edited[line.subject].words, was=tuple(before.get(line.subject, ())))
        if line.verb in WRITTEN and line.subject in edited
        else line
        for line in lines
    ]


def line_corrected_by(event: Event) -> Line | None:
    """The line of what a correction put right, as it reads now."""
    if event.verb not in EDITED.values():
        return None
    first = Event.objects.filter(subject=event.subject, verb__in=WRITTEN).order_by("pk").first()
    return corrected(lines_of([first]))[0] if first else None
