"""What a commander decides beside severity and state: to whom command goes, and what is at stake."""

import re
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from incidents.incidents.models import FUNDS, Incident
from incidents.incidents.people import must_see
from incidents.incidents.services import hold, open_only
from incidents.incidents.telling import tell
from ledger import Invalid, Refused, record
from ledger.text import prose

LONGEST_NOTE = 2_000
MOST_FUNDS = 10**15
AMOUNT = re.compile(r"^\$?\s*(\d{1,15}(?:\.\d{1,6})?)\s*([kmb]?)$")
TIMES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}


@transaction.atomic
def offer_command(*, incident: Incident, to: User, actor: str, note: str = "") -> Incident:
    """Ask somebody to take command. Until they do, whoever commands still does: command is never between two people."""
    held = hold(incident)
    open_only(held)
    must_see(held, to)
    if not to.has_level("commander"):
        raise Refused(f"{to.display_name} may not command.", "somebody who is a commander", "not-a-commander")
    if held.commander_id == to.pk:
        raise Refused(f"{to.display_name} commands already.", "", "commands-already")
    words, now = prose("note", note, LONGEST_NOTE, empty=True), timezone.now()
    Incident.objects.filter(pk=held.pk).update(handover_to=to, handover_note=words, handover_at=now)
    held.handover_to, held.handover_note, held.handover_at = to, words, now
    record(
        "incident.command.offered",
        actor=actor,
        scope=held.scope,
        subject=held.subject,
        after={"user": to.actor, "to": to.display_name, "text": words},
    )
    body = f"You are asked to take command of this incident.\n\n{words}".strip()
    key = f"handover:{now.timestamp():.3f}"
    tell(held, key=key, subject=f"Take command: {held.title}", body=body, users=[to], actor=actor)
    return held


@transaction.atomic
def set_funds(*, incident: Incident, kind: str, amount: int | None, actor: str, reason: str = "") -> Incident:
    """Funds at risk, moved or saved, in whole US dollars; None when it is not known any more."""
    if kind not in FUNDS:
        raise Invalid("kind", f"{kind[:40]!r} is no kind of funds", f"one of {', '.join(FUNDS)}")
    if amount is not None and not 0 <= amount <= MOST_FUNDS:
        raise Invalid("amount", "is not an amount of dollars", "a whole number from 0 on")
    held, name = hold(incident), f"funds_{kind}"
    before = getattr(held, name)
    if before == amount:
        return held
    Incident.objects.filter(pk=held.pk).update(**{name: amount})
    setattr(held, name, amount)
    record(
        "incident.funds.set",
        actor=actor,
        scope=held.scope,
        subject=held.subject,
        before={"amount": before},
        after={"kind": kind, "what": kind.replace("_", " "), "amount": amount, "shown": short_amount(amount)},
        reason=prose("reason", reason, 500, empty=True),
    )
    return held


def read_amount(text: str) -> int | None:
    """`41.2M`, `$41,200,000`, `3k`, `0`; `-` or `unknown` for what is not known."""
    plain = text.strip().lower().replace(",", "").replace("_", "")
    if plain in ("-", "\u2013", "unknown"):
        return None
    found = AMOUNT.match(plain)
    if found is None:
        raise Invalid("amount", f"{text[:40]!r} is not an amount", "such as 41.2M, 300k or 1250000")
    return int(Decimal(found[1]) * TIMES[found[2]])


def short_amount(amount: int | None) -> str:
    """`$41.2M`: three digits that count; the whole number stands beside it where it matters."""
    if amount is None:
        return "\u2013"
    for name, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        whole, tenth = divmod(amount * 10 // size, 10)
        if whole:
            return f"${whole}{name}" if whole >= 100 or not tenth else f"${whole}.{tenth}{name}"
    return f"${amount}"
