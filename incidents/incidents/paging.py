"""Whom an incident asks for: somebody who leads it. What a page is, the room below knows."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from accounts.models import User
from incidents.incidents.models import OVER, Incident
from notify.models import Page
from notify.services import Asked, ack_key, frozen_ladder, make_room, open_all, open_asked, resolve_about

PAGED = ("SEV1", "SEV2", "SEV3")
"""What a person is woken for; a SEV4 can wait until somebody looks."""
LADDER = "incidents"
CALM = "its cause is gone: whoever raised its alerts has cleared them all"
ELSEWHERE = "sender"
NEEDED = "Somebody is needed to lead this incident."


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


def again(incident: Incident, actor: str, why: str) -> bool:
    """It was thought to be in hand. Whether anybody had to be asked: who is asked, or has just come, is so already."""
    if incident.severity not in PAGED or Page.objects.filter(key=_key(incident)).live().exists():
        return False
    _page(incident, actor, why)
    return True


def _page(incident: Incident, actor: str, why: str = "", follows: Page | None = None) -> None:
    open_asked(_ask(incident, actor, _ladder(incident), why, follows))


def _ladder(incident: Incident) -> dict[str, Any]:
    """The ladder that is called as the protocol is, else the one for incidents, else everybody."""
    protocol = (incident.protocol.slug,) if incident.protocol else ()
    return frozen_ladder(*protocol, LADDER)


def _ask(incident: Incident, actor: str, ladder: dict[str, Any], why: str = "", follows: Page | None = None) -> Asked:
    block = f"First bad block: {incident.first_bad_block}." if incident.first_bad_block else ""
    need = "Somebody has to look at this incident." if incident.commander_id else NEEDED
    return Asked(
        key=_key(incident),
        about=incident.subject,
        title=f"{incident.severity} {incident.title}"[:200],
        text=" ".join(part for part in (why, need, block) if part),
        severity=incident.severity,
        scope=incident.scope,
        link=reverse("incidents:incident", args=[incident.pk]),
        ladder=ladder,
        actor=actor,
        follows=follows,
    )


def calm(incident: Incident, actor: str) -> None:
    make_room(key=_key(incident), actor=actor, reason=CALM)


def seen_elsewhere(incident: Incident, actor: str) -> None:
    """Its senders say that somebody looks at all of it. That lapses like anybody's word."""
    ack_key(key=_key(incident), user=None, actor=actor, how=ELSEWHERE)


def fires_again(incident: Incident, actor: str, why: str) -> None:
    """Whoever was asked for need not have come, where it was only the senders who said that all is well, or in hand."""
    last = Page.objects.filter(about=incident.subject, key=_key(incident)).order_by("-pk").first()
    if last is None or not (last.ended_because == CALM or (last.status == "acked" and last.acked_how == ELSEWHERE)):
        return
    make_room(key=_key(incident), actor=actor, reason="it fires again")
    _page(incident, actor, why, follows=last)


def led(incident: Incident, user: User) -> None:
    """Taking command answers whoever asked for somebody to lead."""
    ack_key(key=_key(incident), user=user, actor=user.actor, how="deed")


def _key(incident: Incident) -> str:
    return f"{incident.subject}:lead"


def graver(incident: Incident, actor: str) -> None:
    """It was not worth waking anybody before, or somebody said so of less than this: whoever has a slight page in hand,
    or let it ring, has not heard of a grave one."""
    burning = incident.status in ("triage", "active")
    if burning and incident.severity in PAGED and not _known(incident, incident.severity) and not incident.commander_id:
        why = f"It is {incident.severity} now."
        before = make_room(key=_key(incident), actor=actor, reason=f"it is {incident.severity} now, and asked for anew")
        _page(incident, actor, why, follows=before)


def _known(incident: Incident, severity: str) -> bool:
    """Whether somebody was asked for at this severity, or a graver one."""
    return Page.objects.filter(key=_key(incident), severity__lte=severity).exists()


def moved(incident: Incident, before: str, actor: str, why: str = "") -> None:
    """Over, or restored: nobody is needed. Contained: whoever has it need not prove that they still do. What comes back
    by itself asks again; whoever says that it does is there already."""
    if incident.status in (*OVER, "restored"):
        resolve_about(about=incident.subject, actor=actor, reason=f"the incident is {incident.status}")
    elif incident.status == "contained":
        resolve_about(about=incident.subject, actor=actor, reason="the incident is contained", acked_only=True)
    elif before in ("contained", "restored") and not actor.startswith(("user:", "token:")):
        again(incident, actor, why)


def merged(incident: Incident, into: Incident, actor: str) -> None:
    """Whoever is needed is needed there, and is asked for if nobody was, or if only this one still asked."""
    asking = Page.objects.filter(key=_key(incident)).live().exists()
    resolve_about(about=incident.subject, actor=actor, reason="the incident was merged into another one")
    if into.commander_id or into.status == "restored":
        return
    known = Page.objects.filter(key=_key(into))
    if not known.exists() or (asking and not known.live().exists()):
        opened(into, actor)
