"""What a commander says about the public page; each takes effect with its event, which has the page published."""

from django.db import transaction
from django.utils import timezone

from governance.protocols.models import Contract, Protocol
from incidents.status.models import Component, Guidance
from ledger import Invalid, record
from ledger.text import one_line, prose

LONGEST_GUIDANCE = 5_000


def find_part(key: str) -> Protocol | Contract:
    """`protocol:1` or `contract:7`."""
    noun, _, number = key.partition(":")
    found: Protocol | Contract | None = None
    if number.isdecimal() and len(number) < 19 and noun == "protocol":
        found = Protocol.objects.filter(pk=int(number)).first()
    elif number.isdecimal() and len(number) < 19 and noun == "contract":
        found = Contract.objects.filter(pk=int(number)).first()
    if found is None:
        raise Invalid("part", "there is no such part of the page", "choose one that is listed")
    return found


def _row(part: Protocol | Contract) -> Component:
    """Held until the transaction ends: two commanders speak one after the other."""
    whose = {"protocol": part} if isinstance(part, Protocol) else {"contract": part}
    Component.objects.get_or_create(**whose)
    return Component.objects.select_for_update().get(**whose)


@transaction.atomic
def state_part(*, part: Protocol | Contract, state: str, actor: str, words: str = "") -> Component:
    """Say how a part is; "" lets it follow the incidents again."""
    if state and state not in Component.State.values:
        raise Invalid("state", f"{state!r} is no state", f"one of {', '.join(Component.State.values)}, or nothing")
    row = _row(part)
    before = {"state": row.state, "words": row.words}
    row.state = state
    row.words = one_line("words", words, 200, empty=True) if state else ""
    row.stated_by, row.stated_at = (actor, timezone.now()) if state else ("", None)
    row.save(update_fields=["state", "words", "stated_by", "stated_at"])
    after = {"part": str(part), "state": state, "words": row.words}
    record("component.stated", actor=actor, subject=row.subject, before=before, after=after)
    return row


@transaction.atomic
def show_part(*, part: Protocol | Contract, shown: bool, actor: str) -> Component:
    """Whether the public sees it."""
    row = _row(part)
    before = {"shown": row.shown}
    row.shown = shown
    row.save(update_fields=["shown"])
    after = {"part": str(part), "shown": shown}
    record("component.shown", actor=actor, subject=row.subject, before=before, after=after)
    return row


@transaction.atomic
def set_guidance(*, text: str, actor: str) -> Guidance:
    """What to do when the interface is down."""
    words = prose("text", text, LONGEST_GUIDANCE, empty=True)
    Guidance.objects.get_or_create(pk=1)
    row = Guidance.objects.select_for_update().get(pk=1)
    before = {"text": row.text}
    row.text, row.set_by, row.set_at = words, actor, timezone.now()
    row.save()
    record("guidance.set", actor=actor, subject="guidance:1", before=before, after={"text": words})
    return row
