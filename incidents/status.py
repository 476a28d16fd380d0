"""`/status/`: for everybody, without a login. It says that something is wrong and since when; words come from messages
that a commander let out to the users. Private incidents do not exist here."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from governance.protocols.models import Protocol
from incidents.incidents.models import OVER, Incident
from ledger.models import ScopeClosure
from notify.models import Message

PUBLIC_AUDIENCES = ("users",)
WORDS = {
    "triage": ("looked at", "We have seen something unusual and are looking at it."),
    "active": ("disturbed", "Something is wrong and we are working on it."),
    "contained": ("contained", "The problem is contained. Some functions may be paused."),
    "restored": ("restored", "Service is restored; we are still watching."),
}
GRAVITY = ("active", "triage", "contained", "restored")


@dataclass(frozen=True, slots=True)
class Component:
    """One protected system as the public sees it."""

    name: str
    status: str
    label: str
    words: str
    since: datetime | None


def public_incidents() -> "QuerySet[Incident]":
    """Open, and with nothing private above them. What is only being looked at and slight is not announced."""
    private = ScopeClosure.objects.filter(ancestor__private=True).values("descendant_id")
    found = Incident.objects.exclude(status__in=OVER).exclude(scope__in=private)
    return found.exclude(status="triage", severity__in=("SEV3", "SEV4"))


def components() -> list[Component]:
    by_protocol: dict[int | None, list[Incident]] = {}
    for incident in public_incidents():
        by_protocol.setdefault(incident.protocol_id, []).append(incident)
    return [_component(protocol, by_protocol.get(protocol.pk, [])) for protocol in Protocol.objects.all()]


def _component(protocol: Protocol, incidents: list[Incident]) -> Component:
    if not incidents:
        return Component(protocol.name, "up", "operational", "Everything works as it should.", None)
    worst = min(incidents, key=lambda one: GRAVITY.index(one.status))
    label, words = WORDS[worst.status]
    since = min(one.first_bad_at or one.opened_at for one in incidents)
    mark = {"active": "degraded", "triage": "degraded", "contained": "paused", "restored": "restored"}[worst.status]
    return Component(protocol.name, mark, label, words, since)


def announcements() -> "QuerySet[Message]":
    """What was let out to the public lately, word for word."""
    private = ScopeClosure.objects.filter(ancestor__private=True).values("descendant_id")
    found = Message.objects.filter(audience__slug__in=PUBLIC_AUDIENCES, status__in=("approved", "sent", "failed"))
    return found.exclude(scope__in=private).order_by("-pk")[:10]


@require_GET
@cache_control(public=True, max_age=5)
def status_page(request: HttpRequest) -> HttpResponse:
    context = {"components": components(), "announcements": announcements(), "at": timezone.now()}
    return render(request, "incidents/status.html", context)
