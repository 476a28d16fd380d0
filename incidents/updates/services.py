"""Verbs on what people write: post, and correct. Each correction keeps, in its event, what it replaced."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from incidents.incidents.models import Incident
from incidents.updates.models import Update
from ledger import Invalid, Refused, record
from ledger.text import prose

LONGEST_TEXT = 10_000
LONGEST_PROMISE = timedelta(days=7)
VERBS = {"update": "incident.update.posted", "note": "incident.note.added", "can": "incident.can.reported"}
EDITED = {kind: verb.rpartition(".")[0] + ".edited" for kind, verb in VERBS.items()}
PARTS = ("conditions", "actions", "needs")
# How long people wait for the next word, where nothing else is promised.
USUAL = {"SEV1": timedelta(minutes=15), "SEV2": timedelta(minutes=30), "SEV3": timedelta(hours=4)}


def usual_promise(incident: Incident) -> datetime | None:
    """By when the next update is due after one that promises nothing of its own."""
    gap = USUAL.get(incident.severity)
    return timezone.now() + gap if gap and not incident.is_over else None


@transaction.atomic
def add_update(*, incident: Incident, text: str, actor: str, next_by: datetime | None = None) -> Update:
    """What everybody following should know now, and by when they hear more. Without a promise none is open any more."""
    if next_by is not None and not timezone.now() < next_by <= timezone.now() + LONGEST_PROMISE:
        raise Invalid("next_by", "is not within the next seven days", "a time to come, such as in 15 minutes")
    Incident.objects.filter(pk=incident.pk).update(next_update_by=next_by)
    incident.next_update_by = next_by
    return _post(incident, "update", {"text": prose("text", text, LONGEST_TEXT)}, actor, next_by)


@transaction.atomic
def add_note(*, incident: Incident, text: str, actor: str) -> Update:
    """A remark for the record, also after the end."""
    return _post(incident, "note", {"text": prose("text", text, LONGEST_TEXT)}, actor)


@transaction.atomic
def report_can(*, incident: Incident, conditions: str, actions: str, needs: str, actor: str) -> Update:
    """Conditions, actions, needs: how it stands, what is done about it, what is missing."""
    given = {"conditions": conditions, "actions": actions, "needs": needs}
    words = {name: prose(name, given[name], LONGEST_TEXT) for name in PARTS}
    return _post(incident, "can", words, actor)


def _post(
    incident: Incident, kind: str, words: Mapping[str, str], actor: str, next_by: datetime | None = None
) -> Update:
    made = Update.objects.create(
        incident=incident, kind=kind, posted_by=actor, next_by=next_by, posted_at=timezone.now(), **words
    )
    promise = {"next_by": next_by} if next_by else {}
    record(VERBS[kind], actor=actor, scope=incident.scope, subject=made.subject, after={**words, **promise})
    return made


@transaction.atomic
def edit(*, update: Update, words: Mapping[str, str], actor: str, reason: str = "", commands: bool = False) -> Update:
    """Put it right: whoever wrote it, or who `commands`. What it said before is kept with the event."""
    held = Update.objects.select_for_update(of=("self",)).select_related("incident__scope").get(pk=update.pk)
    if held.posted_by != actor and not commands:
        raise Refused("Only whoever wrote it, or a commander, corrects it.", "add a note beside it", "not-yours")
    names = PARTS if held.kind == "can" else ("text",)
    if unknown := set(words) - set(names):
        raise Invalid(sorted(unknown)[0], f"is no part of a {held.kind}", f"one of {', '.join(names)}")
    now = {name: prose(name, words[name], LONGEST_TEXT) for name in names if name in words}
    before = {name: getattr(held, name) for name in now}
    if now == before:
        return held
    Update.objects.filter(pk=held.pk).update(**now, edited_at=timezone.now())
    record(
        EDITED[held.kind],
        actor=actor,
        scope=held.incident.scope,
        subject=held.subject,
        before=before,
        after=now,
        reason=prose("reason", reason, 500, empty=True),
    )
    held.refresh_from_db()
    return held
