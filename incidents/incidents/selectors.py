"""Reads about incidents: lists, legs, the war room."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Case, IntegerField, Min, QuerySet, Value, When
from django.utils import timezone

from governance.proposals.models import OPEN as OPEN_PROPOSAL
from governance.proposals.models import Proposal
from governance.proposals.selectors import people_of
from incidents.alerts.models import Alert
from incidents.incidents.board import Board, board_of
from incidents.incidents.models import OVER, Incident
from incidents.monitors import MONITORS
from ledger.models import Event, ScopeClosure
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
class Asked:
    """An open proposal, and which people have signed it."""

    proposal: Proposal
    signed: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(eq=False)
class WarRoom:
    """Everything the page of an incident shows, but for what is personal. Each part is read when it is drawn: a
    fragment that shows only tasks asks for nothing else."""

    incident: Incident
    viewer: Any

    @cached_property
    def _below(self) -> "QuerySet[ScopeClosure]":
        return ScopeClosure.objects.filter(ancestor=self.incident.scope_id).values("descendant_id")  # type: ignore[return-value]  # a row of values

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        return tuple(runs_below(self.incident.scope, self.viewer))

    @cached_property
    def current(self) -> Checklist | None:
        return checklist(self.runs[0]) if self.runs else None

    @cached_property
    def proposals(self) -> "tuple[Asked, ...]":
        below = Proposal.objects.visible_to(self.viewer).filter(scope__in=self._below)
        open_ones = below.filter(status__in=OPEN_PROPOSAL)
        return _asked(tuple(open_ones.select_related("safe").prefetch_related("confirmations")))

    @cached_property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(self.incident.alerts.visible_to(self.viewer).select_related("monitor"))

    @cached_property
    def board(self) -> Board:
        return board_of(self.incident)

    @cached_property
    def _firsts(self) -> dict[str, datetime]:
        rows = Event.objects.filter(scope__in=self._below, verb__in=FIRSTS).values_list("verb")
        return dict(rows.annotate(first=Min("at")))

    @cached_property
    def suggested(self) -> list[Playbook]:
        """The playbooks that answer the failure mode."""
        return list(suggested(self.incident.failure_mode)) if self.incident.failure_mode else []

    @cached_property
    def targets(self) -> Targets:
        return document_of(newest_version(self.suggested[0])).targets if self.suggested else Targets()

    @property
    def target(self) -> int:
        return self.targets.safe or 0

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        first = self.proposals[0].proposal if self.proposals else None
        return _legs(self.incident, self._firsts, self.targets, first)

    @property
    def since(self) -> datetime:
        return self.incident.first_bad_at or self.incident.detected_at or self.incident.opened_at

    @property
    def until(self) -> datetime | None:
        return self.incident.ended_at or self._firsts.get("incident.restored")


def visible_incidents(viewer: Any) -> "QuerySet[Incident]":
    return Incident.objects.visible_to(viewer).select_related(
        "scope", "commander", "protocol", "handover_to", "merged_into"
    )


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


def _asked(proposals: tuple[Proposal, ...]) -> tuple[Asked, ...]:
    people = people_of([owner for one in proposals for owner in one.safe.owners]) if proposals else {}
    found = []
    for one in proposals:
        signed = {row.owner for row in one.confirmations.all() if not row.lapsed}
        names = {owner: people[owner].display_name if owner in people else "an owner" for owner in one.safe.owners}
        has = tuple(name for owner, name in names.items() if owner in signed)
        found.append(Asked(one, has, tuple(name for owner, name in names.items() if owner not in signed)))
    return tuple(found)


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


def prefilled(incident: Incident) -> dict[str, str]:
    """What the incident's own monitors can tell a playbook."""
    known: dict[str, str] = {}
    for alert in incident.alerts.select_related("monitor").order_by("pk"):
        if alert.monitor and alert.monitor.kind in MONITORS:
            kind = MONITORS[alert.monitor.kind]
            known |= kind.inputs(kind.Config.model_validate(alert.monitor.config))
    return known
