"""Verbs on the address board: put an address on it, say how it stands, name it."""

from django.db import transaction
from django.utils import timezone

from incidents.addresses.models import STANDINGS, BoardAddress
from incidents.incidents.models import Incident
from incidents.incidents.services import hold
from integrations.chain.addresses import parse_address
from ledger import Invalid, record, transition
from ledger.text import one_line, prose

LONGEST_LABEL = 80
LARGEST_CHAIN = 2**53 - 1
MOST = 500


def known_standing(name: str) -> str:
    """`at risk`, `at-risk` or `at_risk`."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    if plain not in STANDINGS:
        raise Invalid("status", f"{name[:40]!r} is no standing of an address", f"one of {', '.join(STANDINGS)}")
    return plain


@transaction.atomic
def put(
    *, incident: Incident, address: str, chain_id: int, actor: str, status: str = "needs_review", label: str = ""
) -> BoardAddress:
    """On the board once a chain; put there again, it is told anew how it stands and what it is called."""
    held = hold(incident)
    standing, place = known_standing(status), parse_address(address, "address")
    name = one_line("label", label, LONGEST_LABEL, empty=True)
    if not 0 < chain_id <= LARGEST_CHAIN:
        raise Invalid("chain_id", "is not the number of a chain", "such as 1")
    found = BoardAddress.objects.filter(incident=held, chain_id=chain_id, address=place).first()
    if found is not None:
        found.incident = held
        return change(entry=found, actor=actor, status=standing, label=name or None)
    if BoardAddress.objects.filter(incident=held).count() >= MOST:
        raise Invalid("address", f"would be one more than {MOST}", "an incident's board holds no more")
    made = BoardAddress.objects.create(
        incident=held,
        chain_id=chain_id,
        address=place,
        label=name,
        status=standing,
        added_by=actor,
        added_at=timezone.now(),
    )
    record("address.added", actor=actor, scope=held.scope, subject=made.subject, after=_told(made))
    return made


@transaction.atomic
def change(
    *, entry: BoardAddress, actor: str, status: str | None = None, label: str | None = None, reason: str = ""
) -> BoardAddress:
    """How it stands, what it is called, or both; what it was before stands in the event."""
    held = BoardAddress.objects.select_for_update(of=("self",)).select_related("incident__scope").get(pk=entry.pk)
    if label is not None and (name := one_line("label", label, LONGEST_LABEL, empty=True)) != held.label:
        before = {"label": held.label}
        BoardAddress.objects.filter(pk=held.pk).update(label=name)
        held.label = name
        record("address.named", actor=actor, scope=held.scope, subject=held.subject, before=before, after=_told(held))
    if status is not None and (standing := known_standing(status)) != held.status:
        words = prose("reason", reason, 500, empty=True)
        transition(held, standing, actor=actor, reason=words, after=_told(held, status=standing))
    return held


def _told(entry: BoardAddress, status: str = "") -> dict[str, object]:
    return {
        "address": entry.address,
        "chain_id": entry.chain_id,
        "label": entry.label,
        "status": status or entry.status,
        "called": entry.label or entry.address,
    }
