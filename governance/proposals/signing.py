"""Taking an owner's signature, and what follows when there are enough."""

from typing import Any

from django.db import transaction

from governance.proposals.integrity import check_row
from governance.proposals.models import Confirmation, Proposal
from governance.safes.models import Safe
from governance.safes.services import current
from integrations.chain.client import client_for
from integrations.chain.errors import RpcError
from integrations.safe.hashes import SafeTx, safe_tx_hash
from integrations.safe.nested import holds
from integrations.safe.reads import approved_hashes
from integrations.safe.signatures import CONTRACT, Signature, parse
from ledger import Invalid, Refused, record, transition
from work import enqueue
from work.models import Work

EXECUTE = "governance.execute"


def confirm(
    *,
    proposal: Proposal,
    signature: str | bytes,
    actor: str,
    user: Any = None,
    via: str = "api",
    look: bool = True,
) -> Confirmation:
    """Take an owner's signature: only the bytes; whose it is, and over what, we find out ourselves.

    Reads the chain first, so it must not be called inside a transaction. Without `look` the findings are judged by the
    last simulation, however old.
    """
    from governance.proposals.review import refuse_blocked

    proposal.refresh_from_db()
    refuse_unless_signing(proposal)
    check_row(proposal)
    tx = proposal.safe_tx
    parsed = parse(signature, safe_tx_hash(tx))
    safe = current(proposal.safe)
    refuse_stale_nonce(proposal, safe, actor=actor)
    _refuse_stranger(parsed, safe, tx)
    if parsed.owner not in safe.owners:
        parsed = parse(signature, safe_tx_hash(tx), safe.owners)
    refuse_unproved(parsed, safe, tx)
    refuse_blocked(proposal, look=look)
    return _store(proposal, parsed, safe, actor=actor, user=user, via=via)


def refuse_unless_signing(proposal: Proposal) -> None:
    if proposal.status not in ("signing", "ready"):
        raise Refused(
            f"This proposal is {proposal.status}; it takes no more signatures.",
            "look at the proposal's page for what happened to it",
            "not-signing",
        )


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


def _refuse_stranger(parsed: Signature, safe: Safe, tx: SafeTx) -> None:
    """A signature over another hash recovers to somebody nobody knows: the two cases cannot be told apart."""
    if parsed.owner in safe.owners:
        return
    try:
        parse(parsed.bytes, safe_tx_hash(tx), safe.owners)
    except Invalid:
        raise Invalid(
            "signature",
            f"Over this proposal's hash it recovers to {parsed.owner}, who is not an owner of {safe.label}: "
            "it is a stranger's, or it was made over another hash.",
            f"a present owner's signature over {safe_tx_hash(tx)}",
        ) from None


def refuse_unproved(parsed: Signature, safe: Safe, tx: SafeTx) -> None:
    """An approved hash and a contract's word are worth what the chain says of them now."""
    if not parsed.needs_chain:
        return
    if not proved_on_chain(parsed, safe, tx):
        wanted = "its owners' signatures" if parsed.kind == CONTRACT else f"an approveHash({safe_tx_hash(tx)}) on chain"
        raise Invalid("signature", f"The chain does not confirm it for {parsed.owner}.", wanted)


def proved_on_chain(parsed: Signature, safe: Safe, tx: SafeTx) -> bool:
    client = client_for(safe.chain)
    try:
        if parsed.kind == CONTRACT:
            return holds(client, tx, parsed)
        return parsed.owner in approved_hashes(client, safe.address, [parsed.owner], safe_tx_hash(tx))
    except RpcError:
        raise Refused(
            f"{safe.chain.name} cannot be read at this moment; nothing was stored.", "try again", "chain-unavailable"
        ) from None


@transaction.atomic
def _store(proposal: Proposal, parsed: Signature, safe: Safe, *, actor: str, user: Any, via: str) -> Confirmation:
    """Write down a signature that was checked, and what follows when there are enough."""
    locked = (
        Proposal.objects.select_for_update(of=("self",)).select_related("safe", "scope", "plan").get(pk=proposal.pk)
    )
    refuse_unless_signing(locked)
    check_row(locked)
    there = set(Confirmation.objects.filter(proposal=locked).order_by().values_list("owner", flat=True))
    if parsed.owner in there:
        raise Invalid("signature", f"{parsed.owner} has signed this already.", "another owner's; each counts once")
    return add_confirmation(locked, parsed, safe, there, actor=actor, user=user, via=via)


def add_confirmation(
    locked: Proposal, parsed: Signature, safe: Safe, there: set[str], *, actor: str, user: Any, via: str
) -> Confirmation:
    """One more, under the proposal's lock (or in the transaction that makes it); `there`: who has signed before."""
    row = Confirmation.objects.create(
        proposal=locked,
        owner=parsed.owner,
        signature=bytes.fromhex(parsed.hex[2:]),
        kind=parsed.kind,
        user=user,
        via=via,
    )
    there.add(parsed.owner)
    counted = len(there & set(safe.owners))
    record(
        "confirmation.added",
        actor=actor,
        scope=locked.scope,
        subject=locked.subject,
        after={
            "owner": parsed.owner,
            "kind": parsed.kind,
            "via": via,
            "safe_tx_hash": locked.safe_tx_hash,
            "signed": counted,
            "threshold": safe.threshold,
        },
    )
    if counted >= safe.threshold and locked.status == "signing":
        transition(locked, "ready", actor=actor, after={"signed": counted, "threshold": safe.threshold})
        if locked.auto_execute:
            enqueue_execution(locked, actor)
    return row


def enqueue_execution(proposal: Proposal, actor: str) -> None:
    """A new try for each one that ended; while one is open it is the same row. The caller holds the proposal's row."""
    ended = Work.objects.filter(kind=EXECUTE, subject=proposal.subject, ended_at__isnull=False).count()
    enqueue(
        EXECUTE,
        key=f"proposal:{proposal.pk}:{ended}",
        subject=proposal.subject,
        payload={"proposal": proposal.pk},
        scope=proposal.scope,
        actor=actor,
    )
