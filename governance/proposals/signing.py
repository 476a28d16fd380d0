"""Taking an owner's signature, and what follows when there are enough."""

from typing import Any

from governance.proposals import nesting
from governance.proposals.counting import (
    EXECUTE,
    enqueue_execution,
    keep,
    refuse_unless_signing,
)
from governance.proposals.diagnosis import stranger
from governance.proposals.integrity import check_row
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal
from governance.proposals.proving import approved_on_chain, proved_on_chain
from governance.safes.models import Safe
from governance.safes.services import current
from integrations.safe.hashes import SafeTx, safe_tx_hash
from integrations.safe.signatures import CONTRACT, Signature, approved, parse
from ledger import Invalid, Refused, transition

__all__ = [
    "EXECUTE",
    "confirm",
    "confirm_within",
    "enqueue_execution",
    "proved_on_chain",
    "refuse_stale_nonce",
    "refuse_unless_signing",
    "refuse_unproved",
    "supersede",
]


def confirm(
    *, proposal: Proposal, signature: str | bytes, actor: str = "", user: Any = None, via: str = "api"
) -> Confirmation | NestedConfirmation:
    """Take an owner's signature: only the bytes; whose it is, and over what, we find out ourselves.

    Over the proposal's hash it is an owner's; over the message of an owner that is a Safe, one of that Safe's owners'.
    Without an `actor` it is the owner who hands it in. Reads the chain first, so not inside a transaction.
    """
    from governance.proposals.review import refuse_blocked

    proposal.refresh_from_db()
    refuse_unless_signing(proposal)
    check_row(proposal)
    tx = proposal.safe_tx
    parsed = parse(signature, safe_tx_hash(tx))
    safe = current(proposal.safe)
    refuse_stale_nonce(proposal, safe, actor=actor or "system:governance")
    child = None
    if parsed.owner not in safe.owners:
        parsed, child = _recognise(signature, parsed, tx, safe)
    if child is None:
        refuse_unproved(parsed, safe, tx)
    refuse_blocked(proposal, [parsed.owner])
    proposal.safe = safe
    actor = actor or f"owner:{parsed.owner}"
    if child is None:
        return keep(proposal, parsed, safe, actor=actor, user=user, via=via)
    row = nesting.keep_within(proposal, parsed, child, actor=actor, user=user, via=via)
    nesting.complete(proposal, child, actor=actor, user=user, via=via)
    return row


def confirm_within(*, proposal: Proposal, child: Safe, owner: str, actor: str) -> bool:
    """An owner of an owning Safe approved on the chain what that Safe is asked to sign. Network."""
    from governance.proposals.review import refuse_blocked

    refuse_unless_signing(proposal)
    fresh = current(child)
    digest = nesting.message_hash(proposal.safe_tx, fresh)
    if owner not in fresh.owners or not approved_on_chain(fresh, owner, digest):
        return False
    refuse_blocked(proposal, [owner])
    nesting.keep_within(proposal, approved(owner), fresh, actor=actor, user=None, via="chain")
    nesting.complete(proposal, fresh, actor=actor, via="chain")
    return True


def refuse_stale_nonce(proposal: Proposal, safe: Safe, *, actor: str) -> None:
    if proposal.nonce < safe.nonce:
        supersede(proposal=proposal, chain_nonce=safe.nonce, actor=actor)
        raise Refused(
            f"Nonce {proposal.nonce} is used up: the Safe is at {safe.nonce}, so this can never be executed.",
            "make a new proposal",
            "stale-nonce",
        )


def supersede(*, proposal: Proposal, chain_nonce: int, actor: str) -> None:
    """Its nonce is used by something else."""
    reason = f"nonce {proposal.nonce} is used up; the Safe is at {chain_nonce}"
    transition(
        proposal, "superseded", actor=actor, reason=reason, also={"stopped": {"code": "nonce", "reason": reason}}
    )


def _recognise(signature: str | bytes, parsed: Signature, tx: SafeTx, safe: Safe) -> tuple[Signature, Safe | None]:
    """An unmarked personal_sign of an owner, or a signature within an owning Safe; everything else is refused."""
    try:
        return parse(signature, safe_tx_hash(tx), safe.owners), None
    except Invalid:
        pass
    if found := nesting.recognise_within(signature, tx, safe):
        return found
    nesting.refuse_third_level(signature, tx, safe)
    raise stranger(signature, parsed, safe, tx)


def refuse_unproved(parsed: Signature, safe: Safe, tx: SafeTx) -> None:
    """An approved hash and a contract's word are worth what the chain says of them now."""
    if not parsed.needs_chain or proved_on_chain(parsed, safe, tx):
        return
    if parsed.kind != CONTRACT:
        wanted = f"an approveHash({safe_tx_hash(tx)}) on chain"
    else:
        child = next((one for one in nesting.children(safe) if one.address == parsed.owner), None)
        why = nesting.why_not(tx, child) if child else ""
        wanted = f"an approveHash({safe_tx_hash(tx)}) on chain, since {why}" if why else "its owners' signatures"
    raise Invalid("signature", f"The chain does not confirm it for {parsed.owner}.", wanted)
