"""A letter filled in: as each audience would read it, and asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from ledger.models import Scope
from notify.letters.catalogue import Letter
from notify.messages.services import check_words, compose, send
from notify.models import Audience, Message


@dataclass(frozen=True, slots=True)
class Filled:
    """A letter with everything that stands in its blanks, the same for all who get it."""

    letter: Letter
    values: Mapping[str, str]
    next_update_by: datetime | None = None
    corrects: Message | None = None

    def context(self, audience: Audience) -> dict[str, Any]:
        by = self.next_update_by.astimezone(UTC) if self.next_update_by else None
        known = {"audience": audience, "next_update_by": by, "status_url": settings.STATUS_URL}
        return {**self.values, **known, "corrects": self.corrects}


@dataclass(frozen=True, slots=True)
class Draft:
    """The very words that one audience would get, and by how many ways."""

    audience: Audience
    subject: str
    body: str
    ways: int


def drafts(filled: Filled, audiences: Iterable[Audience]) -> list[Draft]:
    found = []
    for audience in audiences:
        subject, body = compose(filled.letter.template, filled.context(audience))
        check_words(subject, body)
        ways = audience.destinations.filter(enabled=True).count()
        found.append(Draft(audience, subject, body, ways))
    return found


@transaction.atomic
def ask(filled: Filled, audiences: Iterable[Audience], *, key: str, actor: str, scope: Scope | None) -> list[Message]:
    """One message an audience, each waiting for a commander other than who asks; the same key asks once."""
    return [
        send(
            key=f"{key}:{audience.slug}",
            actor=actor,
            audience=audience.slug,
            template=filled.letter.template,
            context=filled.context(audience),
            scope=scope,
            corrects=filled.corrects,
            next_update_by=filled.next_update_by,
        )
        for audience in audiences
    ]
