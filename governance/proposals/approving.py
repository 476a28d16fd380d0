"""Hashes approved on chain: recognised where they were given, offered where nothing else works, counted again."""

from collections.abc import Iterable

from django.db import transaction

from governance.proposals.counting import (
    COLLECTING,
    counted,
    given,
    hold_back,
    locked,
    refuse_unless_signing,
    settle,
    why_closed,
)
from governance.proposals.models import OPEN, Confirmation, NestedConfirmation, Proposal
from governance.proposals.nesting import children, complete, message_hash, why_not
from governance.proposals.proving import proved_on_chain
from governance.proposals.services import propose
from governance.proposals.signing import confirm, confirm_within
from governance.safes.models import Safe
from governance.safes.services import current
from integrations.chain.client import Client, client_for
from integrations.chain.models import Chain
from integrations.safe.hashes import safe_tx_hash
from integrations.safe.nested import APPROVE_HASH, approve_hash_data
from integrations.safe.reads import approvals_in, approved_hashes
from integrations.safe.signatures import CONTRACT, approved, parse
from ledger import Invalid, Refused, record

ACTOR = "system:watch"
BEHIND = 50  # blocks looked at again: a page may have read the Safe between two looks of the watch


def propose_approval(*, proposal: Proposal, child: Safe, actor: str, within: Safe | None = None) -> Proposal:
    """The way that always works for an owner that is a Safe: it approves the hash in a transaction of its own.

    With `within` it is an owner of that owning Safe, and approves what that one is asked to sign.
    """
    refuse_unless_signing(proposal)
    owned = within or proposal.safe
    if within is not None:
        _refuse_no_owner(within, proposal.safe)
        if why := why_not(proposal.safe_tx, within):
            raise Refused(
                f"{within.label} cannot sign, since {why}.",
                f"propose its own approval; {child.label} signs that one",
                "cannot-sign",
            )
    _refuse_no_owner(child, owned)
    to, data = _asked(proposal, within)
    through = f", which owns {proposal.safe.label}," if within else ""
    return approval_of(proposal, child, within) or propose(
        safe=child,
        calls=[{"to": to, "value": "0", "data": "0x" + data.hex()}],
        title=f"Approve for {owned.label}: {proposal.title}"[:200],
        description=f"{child.label} owns {owned.label}{through} and says yes to proposal {proposal.pk} on the chain.",
        scope=proposal.scope,
        auto_execute=True,
        actor=actor,
    )


def _refuse_no_owner(owner: Safe, of: Safe) -> None:
    if owner.chain_id != of.chain_id or owner.address not in of.owners:
        raise Invalid("safe", f"{owner.label} does not own {of.label}.", "a Safe that is one of its owners")


def _asked(proposal: Proposal, within: Safe | None) -> tuple[str, bytes]:
    """Where the approval goes, and its calldata."""
    if within is None:
        return proposal.safe.address, approve_hash_data(safe_tx_hash(proposal.safe_tx))
    return within.address, approve_hash_data(message_hash(proposal.safe_tx, within))


def approval_of(proposal: Proposal, child: Safe, within: Safe | None = None) -> Proposal | None:
    """The child's own proposal that approves this one on the chain, where somebody has made it."""
    to, data = _asked(proposal, within)
    return Proposal.objects.filter(safe=child, to=to, data=data, status__in=OPEN).first()


def look(proposal: Proposal, *, actor: str = ACTOR) -> int:
    """Owners who approved the hash on chain and have not signed here. Network."""
    if why_closed(proposal):
        return 0
    signed = set(Confirmation.objects.filter(proposal=proposal, lapsed="").values_list("owner", flat=True))
    missing = [owner for owner in proposal.safe.owners if owner not in signed]
    if not missing:
        return 0
    tx, client = proposal.safe_tx, client_for(proposal.safe.chain)
    found = approved_hashes(client, proposal.safe.address, missing, safe_tx_hash(tx))
    count = sum(_take(proposal, owner, actor=actor) for owner in missing if owner in found)
    for child in children(proposal.safe):
        if child.address in missing and child.address not in found and not why_not(tx, child):
            count += _look_within(proposal, child, client, actor)
    return count


def _look_within(proposal: Proposal, child: Safe, client: Client, actor: str) -> int:
    """Owners of an owning Safe who approved on chain what it is asked to sign."""
    rows = NestedConfirmation.objects.filter(proposal=proposal, within=child.address)
    signed = set(rows.values_list("owner", flat=True))
    missing = [owner for owner in child.owners if owner not in signed]
    found = approved_hashes(client, child.address, missing, message_hash(proposal.safe_tx, child)) if missing else ()
    return sum(_take(proposal, owner, child, actor=actor) for owner in missing if owner in found)


def see(chain: Chain, first: int) -> int:
    """Approvals in the blocks since `first`, by the Safes' own logs. Network."""
    waiting = Proposal.objects.filter(safe__chain=chain, status__in=COLLECTING).select_related("safe__chain", "scope")
    by_place = _places(chain, waiting)
    if not by_place:
        return 0
    client = client_for(chain)
    last = client.block_number()
    places = sorted({address for address, _ in by_place})
    seen = approvals_in(client, places, max(first - BEHIND, last - 500, 0), last)
    return sum(
        _take(proposal, owner, child, actor=ACTOR)
        for address, owner, digest in seen
        for proposal, child in by_place.get((address, digest), ())
        if not _known(proposal, owner, child)
    )


def _places(chain: Chain, waiting: Iterable[Proposal]) -> dict[tuple[str, str], list[tuple[Proposal, Safe | None]]]:
    """Where which hash may be approved: on the Safe itself, or on an owning Safe that is asked to sign."""
    found: dict[tuple[str, str], list[tuple[Proposal, Safe | None]]] = {}
    safes = {one.address: one for one in Safe.objects.filter(chain=chain)}
    for one in waiting:
        found.setdefault((one.safe.address, one.safe_tx_hash), []).append((one, None))
        tx = one.safe_tx
        for child in filter(None, map(safes.get, one.safe.owners)):
            if not why_not(tx, child):
                found.setdefault((child.address, message_hash(tx, child)), []).append((one, child))
    return found


def _known(proposal: Proposal, owner: str, child: Safe | None) -> bool:
    if child is None:
        return Confirmation.objects.filter(proposal=proposal, owner=owner, lapsed="").exists()
    return NestedConfirmation.objects.filter(proposal=proposal, within=child.address, owner=owner).exists()


def _take(proposal: Proposal, owner: str, child: Safe | None = None, *, actor: str) -> bool:
    """As any other signature; what may not be signed is not counted either."""
    try:
        if child is not None:
            return confirm_within(proposal=proposal, child=child, owner=owner, actor=actor)
        confirm(proposal=proposal, signature=approved(owner).bytes, actor=actor, via="chain")
    except (Invalid, Refused):
        return False
    return True


def approved_by(done: Proposal) -> list[Proposal]:
    """What an executed approveHash says yes to: a proposal of the Safe that it owns, or what that one is asked."""
    if bytes(done.data[:4]) != APPROVE_HASH:
        return []
    digest = "0x" + bytes(done.data[4:36]).hex()
    open_ones = Proposal.objects.filter(safe__chain=done.safe.chain_id, status__in=COLLECTING)
    open_ones = open_ones.select_related("scope", "safe__chain")
    found = list(open_ones.filter(safe_tx_hash=digest, safe__address=done.to))
    child = Safe.objects.filter(chain=done.safe.chain_id, address=done.to).first()
    if child is not None:
        owned = open_ones.filter(safe__owners__contains=[child.address])
        found += [one for one in owned if message_hash(one.safe_tx, child) == digest]
    return found


def recount(proposal: Proposal, *, actor: str = ACTOR) -> None:
    """Owners, a threshold or a fallback handler moved: which signatures does the Safe still take? Network."""
    proposal.refresh_from_db()
    if why_closed(proposal):
        return
    safe = current(proposal.safe)
    proposal.safe = safe
    _look_at_contracts(proposal, actor)
    for child in children(safe):
        complete(proposal, current(child), actor=actor)
    look(proposal, actor=actor)
    complete_ones = counted(given(proposal).values(), safe) >= safe.threshold
    blocked = _blocked(proposal) if complete_ones and proposal.status == "signing" else ""
    with transaction.atomic():
        try:
            held = locked(proposal)
        except Refused:
            return
        signed = counted(given(held).values(), safe)
        if blocked and held.status == "signing" and signed >= safe.threshold:
            hold_back(held, blocked, actor=actor)
        else:
            settle(held, safe, signed, actor=actor, judged=complete_ones)


def _blocked(proposal: Proposal) -> str:
    """What blocks a signed one, now that its simulation was looked at; "" if nothing does."""
    from governance.proposals.review import review

    found = review(proposal)
    if proposal.simulated_at is None:
        raise Refused(f"{proposal.safe.chain.name} cannot be read at this moment.", "try again", "chain-unavailable")
    return f"{found.blocking[0].label}: {found.blocking[0].text}" if found.blocking else found.tampered


def _look_at_contracts(proposal: Proposal, actor: str) -> None:
    """A contract's word holds only as long as the contract says so."""
    tx = proposal.safe_tx
    for row in Confirmation.objects.filter(proposal=proposal, kind=CONTRACT):
        parsed = parse(bytes(row.signature), safe_tx_hash(tx))
        lapsed = "" if proved_on_chain(parsed, proposal.safe, tx) else "this contract no longer accepts it"
        if row.lapsed == lapsed:
            continue
        with transaction.atomic():
            Confirmation.objects.filter(pk=row.pk).update(lapsed=lapsed)
            record(
                "confirmation.lapsed" if lapsed else "confirmation.restored",
                actor=actor,
                scope=proposal.scope,
                subject=proposal.subject,
                reason=lapsed,
                after={"owner": row.owner, "kind": row.kind},
            )
