"""Call people into the war room: a page of its own, which goes on until whoever is called says that they have it."""

from typing import Any

from django.urls import reverse

from accounts.models import User
from incidents.incidents.models import Incident
from incidents.incidents.people import must_help, named, seeing
from incidents.incidents.services import open_only
from ledger.errors import Invalid, Refused
from ledger.text import prose
from notify.audiences.selectors import people_of
from notify.ladders.steps import Climb, Step
from notify.models import Audience, Page
from notify.pages.services import ack
from notify.services import make_room, open_page

LONGEST_CALL = 2_000


def call(*, incident: Incident, whom: str, words: str, user: User) -> str:
    """One person (`@ben`) or an audience of this desk; who may not see a private incident is not called into it. Who is
    being called is not called twice; who came once and is needed again is called again."""
    open_only(incident)
    text = prose("text", words, LONGEST_CALL, empty=True)
    target, name = _person(incident, whom) if whom.startswith("@") else _audience(incident, whom)
    before = make_room(key=_key(incident, target), actor=user.actor, reason="they are called again", acked_only=True)
    open_page(
        key=_key(incident, target),
        about=incident.subject,
        title=f"{user.display_name} calls you: {incident.severity} {incident.title}"[:200],
        text=text,
        severity=incident.severity,
        scope=incident.scope,
        link=reverse("incidents:incident", args=[incident.pk]),
        ladder=_ladder(target),
        actor=user.actor,
        follows=before,
    )
    return name


def answered_by(incident: Incident, user: User) -> None:
    """Whoever was called by name and does something in the war room has come."""
    called = Page.objects.filter(key=_key(incident, f"person:{user.username}"), status="climbing").first()
    if called is not None:
        ack(page=called, user=user, actor=user.actor, how="deed")


def _key(incident: Incident, target: str) -> str:
    return f"{incident.subject}:call:{target}"


def _ladder(target: str) -> dict[str, Any]:
    climb = Climb(steps=(Step(targets=(target,)),), repeats=4, pause=120, lapse=0)
    return {"ladder": "", "name": "a call", **climb.model_dump(mode="json")}


def _person(incident: Incident, whom: str) -> tuple[str, str]:
    person = named(whom)
    must_help(incident, person)
    return f"person:{person.username}", person.display_name


def _audience(incident: Incident, slug: str) -> tuple[str, str]:
    """Outside audiences hear what a commander approved, as messages, and are never called in here."""
    inside = Audience.objects.filter(kind=Audience.Kind.INSIDE)
    found = inside.filter(slug=slug.lower().replace("\x00", "")).first()
    if found is None:
        known = ", ".join(inside.order_by("slug").values_list("slug", flat=True))
        raise Invalid("audience", f"{slug[:40]!r} is nobody of this desk", f"@somebody, or one of: {known}")
    if incident.scope.private and not seeing(incident.scope, people_of(found)):
        raise Refused(f"Nobody of {found.name} can see this private incident.", "let them in first: /invite", "outside")
    return f"audience:{found.slug}", found.name
