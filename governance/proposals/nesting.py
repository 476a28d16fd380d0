"""Owners that are Safes: their own owners sign a message of theirs here, and together these are one signature.

Two levels. An owner of the owning Safe that is a Safe again says yes by approving that message's hash on chain, in a
proposal of its own: so a third level is the first of another proposal, and there is no deepest one.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from governance.proposals.counting import enqueue_recount, keep, locked
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal
from governance.proposals.proving import approved_on_chain, proved_on_chain
from governance.safes.models import Safe
from governance.safes.services import current
from integrations.safe.hashes import SafeTx, domain_hash, safe_message_struct_hash
from integrations.safe.nested import (
    asked_of_owner,
    message_hash_for_owner,
    message_hash_for_owners_owner,
    signature_of_safe,
    why_no_signature,
)
from integrations.safe.signatures import APPROVED, CONTRACT, Signature, parse
from ledger import Invalid, Refused, record


@dataclass(frozen=True)
class NestedHashes:
    """What the device of an owning Safe's owner shows."""

    domain: str
    message: str
    safe_message: str


def children(safe: Safe) -> list[Safe]:
    """The owners of a Safe that are registered Safes, in the order of its owners."""
    found = {one.address: one for one in Safe.objects.filter(chain=safe.chain, address__in=safe.owners)}
    for one in found.values():
        one.chain = safe.chain
    return [found[owner] for owner in safe.owners if owner in found]


def people_asked(safe: Safe, *, depth: int = 3) -> set[str]:
    """Every address behind a Safe: its owners, theirs where they are Safes, and theirs again."""
    found = set(safe.owners)
    for child in children(safe) if depth > 1 else ():
        found |= people_asked(child, depth=depth - 1)
    return found


def message_hash(tx: SafeTx, child: Safe) -> str:
    """What the child's owners sign."""
    return message_hash_for_owner(tx, child)


def hashes(tx: SafeTx, child: Safe) -> NestedHashes:
    return NestedHashes(
        domain="0x" + domain_hash(child.version, tx.chain_id, child.address).hex(),
        message="0x" + safe_message_struct_hash(asked_of_owner(tx)).hex(),
        safe_message=message_hash(tx, child),
    )


def why_not(tx: SafeTx, child: Safe) -> str:
    """Why this owner cannot sign but only approve on chain; "" when it can."""
    return why_no_signature(tx.version, child.version, child.fallback_handler)


def progress(proposal: Proposal, row: Confirmation | NestedConfirmation) -> dict[str, Any]:
    """How far the collection is that a signature belongs to."""
    if isinstance(row, Confirmation):
        return {"within": "", "signed": proposal.counted, "threshold": proposal.safe.threshold}
    child = next(one for one in children(proposal.safe) if one.address == row.within)
    signed = sum(one.within == row.within and one.owner in child.owners for one in proposal.nested.all())
    return {"within": row.within, "signed": signed, "threshold": child.threshold}


def recognise_within(signature: str | bytes, tx: SafeTx, safe: Safe) -> tuple[Signature, Safe] | None:
    """A signature over an owning Safe's message by one of its owners; None when it is nobody's of them."""
    for child in children(safe):
        try:
            parsed = parse(signature, message_hash(tx, child), child.owners)
        except Invalid:
            continue
        fresh = current(child)
        fresh.chain = safe.chain
        if parsed.owner in fresh.owners:
            _refuse_useless(parsed, tx, fresh)
            return parsed, fresh
    return None


def _refuse_useless(parsed: Signature, tx: SafeTx, child: Safe) -> None:
    if why := why_not(tx, child):
        raise Invalid(
            "signature",
            f"{child.label} cannot sign this with signatures of its owners: {why}.",
            f"approve the hash on chain: approveHash({tx.hash}) as a proposal of {child.label}",
        )
    digest = message_hash(tx, child)
    if parsed.kind == CONTRACT:
        raise _third_level(parsed.owner, child, digest)
    if parsed.kind == APPROVED and not approved_on_chain(child, parsed.owner, digest):
        raise Invalid(
            "signature",
            f"The chain does not confirm it for {parsed.owner}.",
            f"an approveHash({digest}) sent to {child.address}",
        )


def _third_level(owner: str, child: Safe, digest: str) -> Invalid:
    return Invalid(
        "signature",
        f"{owner} is a contract that owns {child.label}, an owner here: signatures are put together for two levels, "
        "and this is the third.",
        f"its approval on the chain, approveHash({digest}) sent to {child.address}: of a registered Safe it is "
        "proposed on this proposal's page",
    )


def refuse_third_level(signature: str | bytes, tx: SafeTx, safe: Safe) -> None:
    """Of an owner of a Safe that owns an owning Safe, over whatever their wallet may have shown them."""
    for child in children(safe):
        for deeper in children(child):
            for digest in (message_hash_for_owners_owner(tx, child, deeper), message_hash(tx, deeper), tx.hash):
                try:
                    found = parse(signature, digest, deeper.owners)
                except Invalid:
                    continue
                if found.owner in deeper.owners:
                    raise _third_level(deeper.address, child, message_hash(tx, child))


@transaction.atomic
def keep_within(
    proposal: Proposal, parsed: Signature, child: Safe, *, actor: str, user: Any, via: str
) -> NestedConfirmation:
    """One an owner and owning Safe."""
    held = locked(proposal)
    row, created = NestedConfirmation.objects.get_or_create(
        proposal=held,
        within=child.address,
        owner=parsed.owner,
        defaults={"signature": parsed.bytes, "kind": parsed.kind, "user": user, "via": via},
    )
    if not created:
        raise Invalid(
            "signature",
            f"{parsed.owner} has signed this for {child.label} already.",
            "another owner's; each counts once",
        )
    signed = held.nested.filter(within=child.address, owner__in=child.owners).count()
    record(
        "confirmation.nested",
        actor=actor,
        scope=held.scope,
        subject=held.subject,
        after={
            "owner": parsed.owner,
            "within": child.address,
            "kind": parsed.kind,
            "via": via,
            "message_hash": message_hash(held.safe_tx, child),
            "signed": signed,
            "threshold": child.threshold,
        },
    )
    if signed >= child.threshold:  # should we die before it is put together, a worker does it
        enqueue_recount(held, key=f"nested:{row.pk}", actor=actor)
    return row


def complete(proposal: Proposal, child: Safe, *, actor: str, user: Any = None, via: str = "api") -> Confirmation | None:
    """Put an owning Safe's signature together once enough of its present owners have signed. Network."""
    known = Confirmation.objects.filter(proposal=proposal, owner=child.address).first()
    if known is not None and not known.lapsed:
        return None
    tx = proposal.safe_tx
    found = _assembled(proposal, tx, child)
    if found is None or not proved_on_chain(found, proposal.safe, tx):
        return None
    try:
        return keep(proposal, found, proposal.safe, actor=actor, user=user, via=via)
    except (Invalid, Refused):
        return None  # another process was faster, or the proposal is over


def _assembled(proposal: Proposal, tx: SafeTx, child: Safe) -> Signature | None:
    if why_not(tx, child):
        return None
    digest = message_hash(tx, child)
    rows = NestedConfirmation.objects.filter(proposal=proposal, within=child.address, owner__in=child.owners)
    good = [one for row in rows if (one := _intact(row, digest))]
    if len(good) < child.threshold:
        return None
    chosen = sorted(good, key=lambda one: int(one.owner, 16))[: child.threshold]
    return signature_of_safe(child, chosen)


def _intact(row: NestedConfirmation, digest: str) -> Signature | None:
    """A row that somebody altered is worth nothing."""
    try:
        parsed = parse(bytes(row.signature), digest)
    except Invalid:
        return None
    return parsed if parsed.owner == row.owner else None
