"""Full-text search over everything that one may see of incidents: the words of people, alerts and messages, of
runs and proposals. An address or a hash is a word, too."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank, SearchVector
from django.db.models import F, QuerySet
from django.urls import reverse

from governance.proposals.models import Proposal
from incidents.addresses.models import BoardAddress
from incidents.alerts.models import Alert
from incidents.incidents.models import Incident
from incidents.postmortems.models import Postmortem
from incidents.todo.models import Task
from incidents.updates.models import Update
from notify.models import Message
from runbooks.runs.models import Run, StepRun

LONGEST = 200
MOST_EACH = 20
START, STOP = "\u0002", "\u0003"  # round what was found; no text that people wrote can hold them


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found; `parts` are pieces of its text, and whether each is what was looked for."""

    noun: str
    title: str
    href: str
    at: datetime
    parts: tuple[tuple[str, bool], ...]
    rank: float


@dataclass(frozen=True, slots=True)
class Source:
    """Where is looked: a queryset of what the viewer may see, its texts, and how a row is shown."""

    noun: str
    rows: "QuerySet[Any]"
    texts: tuple[str, ...]
    at: str
    shown: Callable[[Any], tuple[str, str]]


def search(viewer: Any, words: str) -> list[Hit]:
    """The best first. Words, "several together", or, -without."""
    plain = words.replace("\x00", "").strip()[:LONGEST]
    if not plain:
        return []
    query = SearchQuery(plain, search_type="websearch", config="english")
    hits = [hit for source in _sources(viewer) for hit in _found(source, query)]
    return sorted(hits, key=lambda hit: (-hit.rank, -hit.at.timestamp()))[:60]


def _found(source: Source, query: SearchQuery) -> list[Hit]:
    vector = SearchVector(*source.texts, config="english")
    rows = source.rows.annotate(vector=vector).filter(vector=query).annotate(rank=SearchRank(F("vector"), query))
    head = SearchHeadline(
        source.texts[-1], query, config="english", start_sel=START, stop_sel=STOP, max_words=30, min_words=10
    )
    found = []
    for row in rows.annotate(head=head).order_by("-rank", "-pk")[:MOST_EACH]:
        title, href = source.shown(row)
        found.append(Hit(source.noun, title, href, getattr(row, source.at), _parts(row.head), row.rank))
    return found


def _parts(text: str) -> tuple[tuple[str, bool], ...]:
    parts: list[tuple[str, bool]] = []
    for number, piece in enumerate(text.split(START)):
        found, _, rest = piece.rpartition(STOP) if number else ("", "", piece)
        parts += [(found, True), (rest, False)]
    return tuple(part for part in parts if part[0])


def _room(incident: int) -> str:
    return reverse("incidents:incident", args=[incident])


def _of(row: Any) -> tuple[str, str]:
    return row.incident.title, _room(row.incident_id)


def _sources(viewer: Any) -> list[Source]:
    def seen(model: Any, *related: str) -> "QuerySet[Any]":
        rows: QuerySet[Any] = model.objects.visible_to(viewer).select_related(*related)
        return rows

    begun = seen(StepRun, "run").exclude(started_at=None)
    parts = ("summary", "impact", "causes", "went_well", "went_badly", "lessons")
    return [
        Source("incident", seen(Incident), ("title", "summary"), "opened_at", lambda row: (row.title, _room(row.pk))),
        Source("update", seen(Update, "incident"), ("conditions", "actions", "needs", "text"), "posted_at", _of),
        Source("task", seen(Task, "incident"), ("title",), "opened_at", _of),
        Source("address", seen(BoardAddress, "incident"), ("address", "label"), "added_at", _of),
        Source("postmortem", seen(Postmortem, "incident"), parts, "drafted_at", _of),
        Source("alert", seen(Alert), ("key", "title"), "raised_at", _alert),
        Source("message", seen(Message), ("subject_line", "body"), "created_at", _message),
        Source("run", seen(Run), ("cause", "reason", "title"), "created_at", _run),
        Source("step", begun, ("title", "reason", "answer", "proof"), "started_at", _step),
        Source("proposal", seen(Proposal), ("safe_tx_hash", "to", "title", "description"), "created_at", _proposal),
    ]


def _alert(row: Alert) -> tuple[str, str]:
    return row.title, _room(row.incident_id) if row.incident_id else reverse("incidents:monitors")


def _message(row: Message) -> tuple[str, str]:
    return row.subject_line, reverse("notify:message", args=[row.pk])


def _run(row: Run) -> tuple[str, str]:
    return row.title, reverse("runbooks:run", args=[row.pk])


def _step(row: StepRun) -> tuple[str, str]:
    return f"{row.run.title}: {row.title}", reverse("runbooks:run", args=[row.run_id])


def _proposal(row: Proposal) -> tuple[str, str]:
    return row.title, reverse("governance:proposal", args=[row.pk])
