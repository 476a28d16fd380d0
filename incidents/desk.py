"""The front page: is anything wrong, am I ready, what waits for me."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.approvals.selectors import waiting_for
from accounts.decorators import current_user
from accounts.models import User
from governance.proposals.models import Proposal
from governance.proposals.selectors import waiting_for as signatures_wanted
from governance.protocols.models import FailureMode, Power
from incidents.alerts.models import Alert
from incidents.incidents.models import OVER, Incident
from incidents.incidents.selectors import open_incidents
from incidents.incidents.words import Line, lines_of
from incidents.roles.models import Assignment
from incidents.todo.models import Task as Todo
from incidents.watch.models import Monitor, WatchedBlock, WatchLease
from ledger.models import Event
from ledger.selectors import last_seq
from notify.pages.selectors import waiting_for as paged
from notify.readiness import on_call
from notify.ways.selectors import has_no_way
from runbooks.playbooks.selectors import all_playbooks
from runbooks.runs.models import StepRun

LATE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits for this person."""

    verb: str
    title: str
    href: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of readiness: what is there, and whether it is good."""

    name: str
    value: str
    good: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """How current our eyes are."""

    block: WatchedBlock | None
    beat_at: datetime | None
    alive: bool
    behind: bool


def watch_state() -> Watch:
    block = WatchedBlock.objects.defer("readings", "kept").select_related("chain").order_by("-pk").first()
    lease = WatchLease.objects.filter(name="watch").first()
    now = timezone.now()
    alive = lease is not None and lease.until > now - LATE
    behind = block is None or now - block.at > max(LATE, timedelta(seconds=block.chain.block_time * 4))
    return Watch(block, lease.beat_at if lease else None, alive, behind)


def tasks_of(user: User) -> list[Task]:
    tasks = [Task("Page", page.title, page.get_absolute_url(), page.severity) for page in paged(user)]
    if has_no_way(user):
        tasks.append(Task("Mend", "You cannot be reached by any channel", reverse("notify:ways")))
    if user.has_level("commander"):
        leaderless = Incident.objects.visible_to(user).filter(status="triage", commander=None)
        tasks += [Task("Lead", one.title, f"/incidents/{one.pk}/", one.severity) for one in leaderless]
    tasks += [_sign(proposal) for proposal in to_sign(user)]
    tasks += _given(user)
    tasks += [
        Task("Approve", approval.title, approval.link or "/", f"{approval.required} {approval.role}")
        for approval in waiting_for(user)[:20]
    ]
    if user.has_level("responder"):
        steps = StepRun.objects.visible_to(user).filter(type="manual", status="waiting").select_related("run")
        tasks += [Task("Do", step.title, f"/runbooks/runs/{step.run_id}/", step.run.title) for step in steps[:20]]
    return tasks


def _given(user: User) -> list[Task]:
    """Command that is handed over, roles that were not seen yet, and tasks."""
    handed = Incident.objects.visible_to(user).filter(handover_to=user).exclude(status__in=OVER)
    unseen = Assignment.objects.visible_to(user).filter(user=user, seen_at=None, ended_at=None)
    mine = Todo.objects.visible_to(user).filter(assignee=user, status="open").select_related("incident")
    return [
        *(Task("Lead", one.title, f"/incidents/{one.pk}/", "asked to take command") for one in handed),
        *(
            Task("Take on", one.get_role_display(), f"/incidents/{one.incident_id}/", one.incident.title)
            for one in unseen.exclude(incident__status__in=OVER).select_related("incident")
        ),
        *(Task("Do", one.title, f"/incidents/{one.incident_id}/", one.incident.title) for one in mine[:20]),
    ]


def to_sign(user: User) -> list[Proposal]:
    """Proposals whose Safe this person owns a key of, and has not signed."""
    return signatures_wanted(user)[:50]


def _sign(proposal: Proposal) -> Task:
    href = f"/governance/proposals/{proposal.pk}/"
    return Task("Sign", proposal.title, href, f"{proposal.counted}/{proposal.safe.threshold}")


def readiness() -> list[Fact]:
    """Only what exists is claimed; what is missing is said."""
    watched = Monitor.objects.aggregate(
        all=Count("pk", filter=Q(enabled=True)),
        firing=Count("pk", filter=Q(enabled=True, breached=True)),
        blind=Count("pk", filter=Q(enabled=True, blind=True)),
    )
    powers, proved = Power.objects.count(), Power.objects.exclude(proved_at=None).count()
    modes = list(FailureMode.objects.all())
    uncovered = [mode for mode in modes if not mode.covered]
    monitors = f"{watched['all'] - watched['firing'] - watched['blind']} of {watched['all']} calm"
    called = on_call()
    return [
        Fact("On call", called.words, not called.gaps, " · ".join(called.gaps[:3])),
        Fact("Monitors", monitors, bool(watched["all"]) and not watched["firing"] and not watched["blind"]),
        Fact("Playbooks", str(all_playbooks().count()), all_playbooks().exists()),
        Fact(
            "Powers proved", f"{proved} of {powers}" if powers else "none registered", bool(powers) and proved == powers
        ),
        Fact(
            "Uncovered risks",
            str(len(uncovered)) if modes else "no register yet",
            bool(modes) and not uncovered,
            " · ".join(mode.title for mode in uncovered[:3]),
        ),
    ]


def recent(user: User) -> list[Line]:
    return lines_of(list(Event.objects.visible_to(user).order_by("-pk")[:40]))[:12]


def context_of(user: User) -> dict[str, Any]:
    return {
        "incidents": list(open_incidents(user)),
        "firing": Alert.objects.visible_to(user).filter(status="firing", incident=None),
        "watch": watch_state(),
        "tasks": tasks_of(user),
        "facts": readiness(),
        "lines": recent(user),
    }


@require_GET
@login_required
def front_page(request: HttpRequest) -> HttpResponse:
    seq = last_seq()
    return render(request, "incidents/desk.html", {**context_of(current_user(request)), "seq": seq})


@require_GET
@login_required
def desk_part(request: HttpRequest) -> HttpResponse:
    """The same again, for a page that heard that something happened."""
    return render(request, "incidents/desk_part.html", context_of(current_user(request)))
