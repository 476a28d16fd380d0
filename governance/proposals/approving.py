"""Hashes approved on chain: recognised where they were given, offered where nothing else works, counted again."""

from django.db import transaction

from governance.proposals.counting import (
    COLLECTING,
    counted,
    given,
    locked,
    refuse_unless_signing,
    settle,
    why_closed,
)
from governance.proposals.models import OPEN, Confirmation, Proposal
from governance.proposals.nesting import children, complete
from governance.proposals.proving import proved_on_chain
from governance.proposals.services import propose
from governance.proposals.signing import confirm
from governance.safes.models import Safe
from governance.safes.services import current
from integrations.chain.client import client_for
from integrations.chain.models import Chain
from integrations.safe.hashes import safe_tx_hash
from integrations.safe.nested import approve_hash_data
from integrations.safe.reads import approvals_in, approved_hashes
from integrations.safe.signatures import CONTRACT, approved, parse
from ledger import Invalid, Refused, record

ACTOR = "system:watch"
BEHIND = 50  # blocks looked at again: a page may have read the Safe between two looks of the watch


def propose_approval(*, proposal: Proposal, child: Safe, actor: str) -> Proposal:
    """The way that always works for an owner that is a Safe: it approves the hash in a transaction of its own."""
    refuse_unless_signing(proposal)
    if child.chain_id != proposal.safe.chain_id or child.address not in proposal.safe.owners:
        raise Invalid("safe", f"{child.label} does not own {proposal.safe.label}.", "a Safe that is one of its owners")
    data = "0x" + approve_hash_data(proposal.safe_tx).hex()
    return approval_of(proposal, child) or propose(
        safe=child,
        calls=[{"to": proposal.safe.address, "value": "0", "data": data}],
        title=f"Approve for {proposal.safe.label}: {proposal.title}"[:200],
        description=f"{child.label} owns {proposal.safe.label} and says yes to proposal {proposal.pk} on the chain.",
        scope=proposal.scope,
        auto_execute=True,
        actor=actor,
    )


def approval_of(proposal: Proposal, child: Safe) -> Proposal | None:
    """The child's own proposal that approves this one on the chain, where somebody has made it."""
    data = approve_hash_data(proposal.safe_tx)
    return Proposal.objects.filter(safe=child, to=proposal.safe.address, data=data, status__in=OPEN).first()


def look(proposal: Proposal, *, actor: str = ACTOR) -> int:
    """Owners who approved the hash on chain and have not signed here. Network."""
    if why_closed(proposal):
        return 0
    signed = set(Confirmation.objects.filter(proposal=proposal, lapsed="").values_list("owner", flat=True))
    missing = [owner for owner in proposal.safe.owners if owner not in signed]
    if not missing:
        return 0
    client, digest = client_for(proposal.safe.chain), safe_tx_hash(proposal.safe_tx)
    found = approved_hashes(client, proposal.safe.address, missing, digest)
    return sum(_take(proposal, owner, actor=actor) for owner in missing if owner in found)


def see(chain: Chain, first: int) -> int:
    """Approvals in the blocks since `first`, by the Safes' own logs. Network."""
    waiting = Proposal.objects.filter(safe__chain=chain, status__in=COLLECTING).select_related("safe__chain", "scope")
    by_place = {(one.safe.address, one.safe_tx_hash): one for one in waiting}
    if not by_place:
        return 0
    client = client_for(chain)
    last = client.block_number()
    places = sorted({address for address, _ in by_place})
    seen = approvals_in(client, places, max(first - BEHIND, last - 500, 0), last)
    return sum(
        _take(proposal, owner, actor=ACTOR)
        for address, owner, digest in seen
        if (proposal := by_place.get((address, digest)))
        and not Confirmation.objects.filter(proposal=proposal, owner=owner, lapsed="").exists()
    )


def _take(proposal: Proposal, owner: str, *, actor: str) -> bool:
    """As any other signature; what may not be signed is not counted either."""
    try:
        confirm(proposal=proposal, signature=approved(owner).bytes, actor=actor, via="chain")
    except (Invalid, Refused):
        return False
    return True


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
    with transaction.atomic():
        try:
            held = locked(proposal)
        except Refused:
            return
        settle(held, safe, counted(given(held).values(), safe), actor=actor)


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
