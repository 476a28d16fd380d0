"""Whom an incident asks for: somebody who leads it. What a page is, the room below knows."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from accounts.models import User
from incidents.incidents.models import OVER, Incident
from notify.models import Page
from notify.services import Asked, ack_key, frozen_ladder, open_all, open_asked, resolve_about

PAGED = ("SEV1", "SEV2", "SEV3")
"""What a person is woken for; a SEV4 can wait until somebody looks."""
LADDER = "incidents"


def opened(incident: Incident, actor: str) -> None:
    if incident.severity in PAGED:
        _page(incident, actor)


def opened_all(incidents: Iterable[tuple[Incident, str]]) -> None:
    """Of several that opened a moment ago, each with who says so; each ladder is looked up once."""
    ladders: dict[int | None, dict[str, Any]] = {}
    asked = []
    for incident, actor in incidents:
        if incident.severity in PAGED:
            if incident.protocol_id not in ladders:
                ladders[incident.protocol_id] = _ladder(incident)
            asked.append(_ask(incident, actor, ladders[incident.protocol_id]))
    if asked:
        open_all(asked)


def _page(incident: Incident, actor: str) -> None:
    open_asked(_ask(incident, actor, _ladder(incident)))


def _ladder(incident: Incident) -> dict[str, Any]:
    """The ladder that is called as the protocol is, else the one for incidents, else everybody."""
    protocol = (incident.protocol.slug,) if incident.protocol else ()
    return frozen_ladder(*protocol, LADDER)


def _ask(incident: Incident, actor: str, ladder: dict[str, Any]) -> Asked:
    block = f"First bad block: {incident.first_bad_block}." if incident.first_bad_block else ""
    return Asked(
        key=_key(incident),
        about=incident.subject,
        title=f"{incident.severity} {incident.title}"[:200],
        text=f"Somebody is needed to lead this incident. {block}".strip(),
        severity=incident.severity,
        scope=incident.scope,
        link=reverse("incidents:incident", args=[incident.pk]),
        ladder=ladder,
        actor=actor,
    )


def led(incident: Incident, user: User) -> None:
    """Taking command answers whoever asked for somebody to lead."""
    ack_key(key=_key(incident), user=user, actor=user.actor, how="deed")


def _key(incident: Incident) -> str:
    return f"{incident.subject}:lead"


def graver(incident: Incident, actor: str) -> None:
    """It was not worth waking anybody before, or somebody said so of less than this."""
    burning = incident.status in ("triage", "active")
    if burning and incident.severity in PAGED and not _known(incident, incident.severity) and not incident.commander_id:
        _page(incident, actor)


def _known(incident: Incident, severity: str) -> bool:
    """Whether somebody was asked for at this severity, or a graver one."""
    return Page.objects.filter(key=_key(incident), severity__lte=severity).exists()


def moved(incident: Incident, before: str, actor: str) -> None:
    """Over, or restored: nobody is needed. Contained: whoever has it need not prove that they still do. What comes back
    by itself asks again; whoever says that it does is there already."""
    if incident.status in (*OVER, "restored"):
        resolve_about(about=incident.subject, actor=actor, reason=f"the incident is {incident.status}")
    elif incident.status == "contained":
        resolve_about(about=incident.subject, actor=actor, reason="the incident is contained", acked_only=True)
    elif before in ("contained", "restored") and not actor.startswith(("user:", "token:")):
        opened(incident, actor)


def merged(incident: Incident, into: Incident, actor: str) -> None:
    """Whoever is needed is needed there, and is asked for if nobody was."""
    resolve_about(about=incident.subject, actor=actor, reason="the incident was merged into another one")
    if not into.commander_id and not Page.objects.filter(key=_key(into)).exists():
        opened(into, actor)
