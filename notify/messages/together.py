"""Several messages to the same people at once: who they are, and which ways lead to them, is asked once for all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.models import User
from ledger.models import Scope
from ledger.services import Entry, record_all
from ledger.transitions import transition
from notify.audiences.models import Audience
from notify.audiences.selectors import recipients
from notify.messages.models import Message
from notify.messages.services import absolute, audience_of, check_words, digest, put_into_outbox, requested


@dataclass(frozen=True)
class Words:
    """What differs between them."""

    key: str
    subject: str
    body: str
    link: str
    scope: Scope | None
    actor: str


def send_all(
    words: Sequence[Words], *, audience: str = "", users: Iterable[User] = (), template: str = "plain"
) -> list[Message]:
    """`send`, to people of this desk all of whom may know of all of it, in the caller's transaction. That a key was
    used already is an error here: whoever sends then says each by itself."""
    told = audience_of(audience)
    if told is not None and told.kind == Audience.Kind.OUTSIDE:
        raise ValueError("people outside hear only what was approved, one message at a time")
    for one in words:
        check_words(one.subject, one.body)
    messages = Message.objects.bulk_create([_message(one, told, template) for one in words])
    found = recipients(told, users)
    letters = [(message, one.actor) for message, one in zip(messages, words, strict=True)]
    put_into_outbox(letters, found)
    verb = "message.addressed" if found else "message.reached.nobody"
    about = {"deliveries": len(found), "audience": told.slug if told else None}
    asked = [_entry("message.requested", letter, requested(letter[0])) for letter in letters]
    record_all([*asked, *(_entry(verb, letter, about) for letter in letters)])
    if not found:
        for message, actor in letters:
            transition(message, Message.State.FAILED, actor=actor, reason="the audience has no enabled destination")
    return messages


def _message(one: Words, told: Audience | None, template: str) -> Message:
    return Message(
        scope=one.scope,
        audience=told,
        key=one.key,
        template=template,
        subject_line=one.subject,
        body=one.body,
        link=absolute(one.link),
        digest=digest(told.slug if told else "", one.subject, one.body),
        status=Message.State.APPROVED,
        requested_by=one.actor,
        authority="inside",
        let_out_at=timezone.now(),
    )


def _entry(verb: str, letter: tuple[Message, str], after: Mapping[str, Any]) -> Entry:
    message, actor = letter
    return Entry(verb, actor, message.scope, message.subject, after)
