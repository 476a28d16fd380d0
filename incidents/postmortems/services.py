"""Verbs on postmortems: draft, edit."""

import hashlib

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from incidents.incidents.models import Incident
from incidents.incidents.services import hold
from incidents.postmortems.drafting import drafted
from incidents.postmortems.models import Postmortem
from ledger import Invalid, Refused, record
from ledger.text import prose

SECTIONS = {
    "summary": "Summary",
    "impact": "Impact",
    "causes": "Causes",
    "went_well": "What went well",
    "went_badly": "What failed",
    "lessons": "Lessons",
}
LONGEST = 50_000


@transaction.atomic
def draft(*, incident: Incident, user: User, actor: str) -> Postmortem:
    """Once an incident; asked again, it is the one that is there."""
    held = hold(incident)
    there = Postmortem.objects.filter(incident=held).first()
    if there is not None:
        return there
    if held.status in ("triage", "active"):
        raise Refused(f"This incident is {held.status}.", "draft it once it is contained", "too-early")
    made = Postmortem.objects.create(incident=held, drafted_by=actor, drafted_at=timezone.now(), **drafted(held, user))
    record("postmortem.drafted", actor=actor, scope=held.scope, subject=made.subject)
    return made


def mark_of(text: str) -> str:
    """By which an editor says what they had before their eyes."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@transaction.atomic
def edit_section(*, postmortem: Postmortem, section: str, text: str, actor: str, seen: str = "") -> Postmortem:
    """What it said before is kept with the event. `seen` is the mark of the text that was changed: of two who edit the
    same section at once, the second is told."""
    if section not in SECTIONS:
        raise Invalid("section", f"{section[:40]!r} is no section", f"one of {', '.join(SECTIONS)}")
    words = prose("text", text.replace("\r\n", "\n"), LONGEST, empty=True)
    held = Postmortem.objects.select_for_update(of=("self",)).select_related("incident__scope").get(pk=postmortem.pk)
    before = getattr(held, section)
    if seen and seen != mark_of(before):
        raise Refused(
            "Somebody else has changed this section meanwhile.", "reload, and put yours in", "edited-meanwhile"
        )
    if words == before:
        return held
    Postmortem.objects.filter(pk=held.pk).update(**{section: words, "edited_at": timezone.now()})
    record(
        "postmortem.edited",
        actor=actor,
        scope=held.incident.scope,
        subject=held.subject,
        before={section: before},
        after={section: words, "section": SECTIONS[section]},
    )
    held.refresh_from_db()
    return held
