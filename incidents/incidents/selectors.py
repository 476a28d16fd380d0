"""Reads about incidents: lists, legs, the war room."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, IntegerField, Min, QuerySet, Value, When
from django.utils import timezone

from governance.proposals.models import OPEN as OPEN_PROPOSAL
from governance.proposals.models import Proposal
from incidents.alerts.models import Alert
from incidents.incidents.models import OVER, Incident
from incidents.incidents.words import Line, lines_of
from incidents.monitors import MONITORS
from ledger.models import Event, ScopeClosure
from ledger.selectors import timeline
from runbooks.playbooks.models import Playbook
from runbooks.playbooks.schema import Targets
from runbooks.playbooks.selectors import document_of, newest_version, suggested
from runbooks.runs.models import Run
from runbooks.runs.selectors import Checklist, checklist, runs_below


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of the way to safety: how long it took, against its target, or that it is not there yet."""

    name: str
    since: datetime | None
    until: datetime | None
    target: int = 0
    note: str = ""

    @property
    def state(self) -> str:
        if self.until is None:
            return "now" if self.since else "later"
        return "late" if self.target and self.seconds > self.target else "done"

    @property
    def seconds(self) -> int:
        if self.since is None:
            return 0
        return max(0, int(((self.until or timezone.now()) - self.since).total_seconds()))


@dataclass(frozen=True, slots=True)
class WarRoom:
    """Everything the page of an incident shows, but for what is personal."""

    incident: Incident
    legs: tuple[Leg, ...]
    target: int
    runs: tuple[Run, ...]
    current: Checklist | None
    proposals: tuple[Proposal, ...]
    alerts: tuple[Alert, ...]
    suggested: tuple[Playbook, ...]
    since: datetime
    until: datetime | None


def visible_incidents(viewer: Any) -> "QuerySet[Incident]":
    return Incident.objects.visible_to(viewer).select_related("scope", "commander", "protocol")


def open_incidents(viewer: Any) -> "QuerySet[Incident]":
    """The gravest first, then the newest."""
    burning = Case(When(status__in=("triage", "active"), then=Value(0)), default=Value(1), output_field=IntegerField())
    return visible_incidents(viewer).exclude(status__in=OVER).order_by(burning, "severity", "-pk")


FIRSTS = (
    "incident.command.taken",
    "proposal.signing",
    "proposal.ready",
    "incident.contained",
    "incident.restored",
    "incident.closed",
    "incident.declined",
)


def war_room(incident: Incident, viewer: Any) -> WarRoom:
    below = ScopeClosure.objects.filter(ancestor=incident.scope).values("descendant_id")
    runs = tuple(runs_below(incident.scope, viewer))
    proposals = Proposal.objects.filter(scope__in=below, status__in=OPEN_PROPOSAL).select_related("safe")
    targets, books = _targets(incident)
    firsts = _firsts(below)
    legs = _legs(incident, firsts, targets, proposals.first())
    return WarRoom(
        incident=incident,
        legs=legs,
        target=targets.safe or 0,
        runs=runs,
        current=checklist(runs[0]) if runs else None,
        proposals=tuple(proposals.prefetch_related("confirmations")),
        alerts=tuple(incident.alerts.select_related("monitor")),
        suggested=tuple(books),
        since=incident.first_bad_at or incident.detected_at or incident.opened_at,
        until=incident.ended_at or firsts.get("incident.restored"),
    )


def _targets(incident: Incident) -> tuple[Targets, list[Playbook]]:
    """From the playbook that answers the failure mode."""
    books = suggested(incident.failure_mode) if incident.failure_mode else []
    return (document_of(newest_version(books[0])).targets if books else Targets()), books


def _firsts(below: Any) -> dict[str, datetime]:
    rows = Event.objects.filter(scope__in=below, verb__in=FIRSTS).values_list("verb").annotate(first=Min("at"))
    return dict(rows)


def _legs(
    incident: Incident, firsts: dict[str, datetime], targets: Targets, proposal: Proposal | None
) -> tuple[Leg, ...]:
    begun = incident.first_bad_at or incident.detected_at or incident.opened_at
    acked, proposed, ready = (firsts.get(verb) for verb in FIRSTS[:3])
    over = incident.status in ("restored", "closed", "declined")
    legs = (
        Leg("detect", incident.first_bad_at or incident.detected_at, incident.detected_at, targets.detect or 0),
        Leg("declare", incident.detected_at, incident.opened_at),
        Leg("ack", incident.opened_at, acked, targets.acknowledge or 0),
        Leg("propose", acked, proposed),
        Leg("quorum", proposed, ready, note=_quorum(proposal)),
        Leg("safe", begun, firsts.get("incident.contained"), targets.safe or 0),
        Leg("restored", firsts.get("incident.contained"), firsts.get("incident.restored"), targets.restored or 0),
    )
    ended = incident.ended_at
    return tuple(leg for leg in legs if leg.until or not (over and ended))


def _quorum(proposal: Proposal | None) -> str:
    if proposal is None or proposal.status != "signing":
        return ""
    return f"{proposal.counted}/{proposal.safe.threshold}"


def record_of(incident: Incident, viewer: Any, *, group: str = "", limit: int = 150) -> list[Line]:
    """The timeline, newest first; `group` is people, chain, run or told."""
    found = lines_of(timeline(incident.scope, viewer, limit=limit * 2))
    return [line for line in found if not group or line.group == group][:limit]


def prefilled(incident: Incident) -> dict[str, str]:
    """What the incident's own monitors can tell a playbook."""
    known: dict[str, str] = {}
    for alert in incident.alerts.select_related("monitor").order_by("pk"):
        if alert.monitor and alert.monitor.kind in MONITORS:
            kind = MONITORS[alert.monitor.kind]
            known |= kind.inputs(kind.Config.model_validate(alert.monitor.config))
    return known
