"""Noting what a service said and what was not taken: once each, and not looked at again for a while."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from governance.exchange.models import Oddity
from governance.safes.models import Safe
from integrations.chain.hashing import keccak
from ledger import record

ACTOR = "system:exchange"
AGAIN = timedelta(minutes=10)
MOST = 500
"""Rows a Safe: who lies without end fills no database. What a turn tries is bounded anyway."""
MOST_AT_ONCE = 20


def mark_of(*parts: object) -> str:
    return "0x" + keccak("\n".join(str(part) for part in parts).encode()).hex()


def rested(safe: Safe, mark: str) -> bool:
    """Whether it was looked at so lately that looking again would only cost."""
    return Oddity.objects.filter(safe=safe, mark=mark, again_at__gt=timezone.now()).exists()


@transaction.atomic
def note(safe: Safe, kind: str, mark: str, words: str) -> bool:
    """True when it is new. The same thing said again only moves the moment of the next look."""
    again = timezone.now() + AGAIN
    if Oddity.objects.filter(safe=safe, mark=mark).update(again_at=again):
        return False
    if Oddity.objects.filter(safe=safe).count() >= MOST:
        return False
    row, made = Oddity.objects.get_or_create(
        safe=safe, mark=mark, defaults={"kind": kind, "words": words[:400], "again_at": again}
    )
    if made:
        record(f"service.{kind}.refused", actor=ACTOR, subject=safe.subject, reason=row.words, after={"kind": kind})
    return made
