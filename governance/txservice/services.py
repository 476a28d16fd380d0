"""Verbs of the API: thin over those on proposals. All is checked before anything is written."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from governance.proposals.building import as_json, calls_of, refuse_over_long
from governance.proposals.counting import UNJUDGED, add_confirmation, given, hold, refuse_unless_signing
from governance.proposals.integrity import check_row
from governance.proposals.models import DEAD, Confirmation, Proposal, Via
from governance.proposals.review import refuse_blocked
from governance.proposals.services import store, withdraw
from governance.proposals.signing import refuse_stale_nonce, refuse_unproved
from governance.safes.models import Safe
from governance.safes.services import current, fresh
from governance.txservice import signatures
from governance.txservice.errors import UNPROCESSABLE, Wrong
from governance.txservice.incoming import Naming, Offer
from governance.txservice.messages import delegate_hashes, delete_hashes, old_delegate_hashes
from governance.txservice.models import Delegate, Submission, delegates_of
from integrations.chain.models import Chain
from integrations.safe.hashes import SafeTx
from integrations.safe.signatures import EIP712, ETH_SIGN, Signature, parse
from ledger import Invalid, Refused, StaleTransition, record
from ledger.statements import Shape

HANDED_IN = Shape(Submission)


def submit(*, safe: Safe, offer: Offer, actor: str, user: Any) -> Proposal:
    """A transaction with its sender's signature: a new proposal, or more signatures of one that is there.

    Reads the chain first, so it must not be called inside a transaction.
    """
    safe = fresh(safe)
    tx = SafeTx(chain_id=safe.chain.chain_id, safe=safe.address, version=safe.version, **offer.fields)
    if tx.hash != offer.safe_tx_hash:
        raise wrong(
            f"Contract-transaction-hash={tx.hash} does not match provided contract-tx-hash={offer.safe_tx_hash}"
        )
    _refuse_used_nonce(safe, tx)
    _refuse_over_long(tx)
    delegates = dict(delegates_of(safe))
    signed = _from_sender(safe, offer, tx, delegates)
    for one in signed:
        refuse_unproved(one, safe, tx)
    by_owners = [one for one in signed if one.owner in safe.owners]
    columns = _columns(safe, tx)
    proposer = offer.sender if offer.sender in safe.owners else delegates[offer.sender]

    def with_it(proposal: Proposal) -> None:
        delegate = offer.sender if proposer != offer.sender else None
        HANDED_IN.insert(Submission(proposal=proposal, proposer=proposer, delegate=delegate, origin=offer.origin))
        _add(proposal, by_owners, safe, {}, actor=actor, user=user)
        if len(by_owners) >= safe.threshold:
            why = {"code": UNJUDGED, "reason": "it came with all its signatures and was not simulated yet"}
            Proposal.objects.filter(pk=proposal.pk, status="signing").update(stopped=why)

    try:
        refuse_blocked(_unsaved(safe, tx, columns), [one.owner for one in by_owners], look=False)
        return store(safe=safe, tx=tx, nonce=tx.nonce, scope=None, actor=actor, then=with_it, **columns)
    except (Invalid, Refused):  # of one that is there already a commander may have let pass what blocks it
        there = open_with(user, tx.hash)
        if there is None:
            _refuse_delegate_call(tx)
            raise
    _more(there, by_owners, safe, actor=actor, user=user)
    return there


def open_with(viewer: Any, safe_tx_hash: str) -> Proposal | None:
    """The one that is under way with this hash, if the viewer may know of it."""
    rows = Proposal.objects.visible_to(viewer).filter(safe_tx_hash=safe_tx_hash).exclude(status__in=DEAD)
    return rows.select_related("safe__chain", "scope", "plan").first()


def wrong(text: str) -> Wrong:
    return Wrong(text, UNPROCESSABLE)


def _refuse_used_nonce(safe: Safe, tx: SafeTx) -> None:
    if tx.nonce >= safe.nonce:
        return
    done = Proposal.objects.filter(safe=safe, nonce=tx.nonce, status="executed").first()
    where = f" in tx-hash={done.outcome['transaction_hash']}" if done and done.outcome else ""
    if done and done.safe_tx_hash == tx.hash:
        raise wrong(f"Tx with safe-tx-hash={tx.hash} for safe={safe.address} was already executed{where}")
    raise wrong(f"Tx with nonce={tx.nonce} for safe={safe.address} already executed{where}")


def _from_sender(safe: Safe, offer: Offer, tx: SafeTx, delegates: dict[str, str]) -> list[Signature]:
    """The signatures, once each is of somebody who may give it and one of them is the sender's."""
    allowed = {*safe.owners, *delegates}
    if offer.sender not in allowed:
        raise wrong(
            f"Sender={offer.sender} is not an owner or delegate. Current owners={safe.owners}. "
            f"Delegates={sorted(delegates)}"
        )
    try:
        signed = signatures.read(offer.signature, tx.hash, allowed)
    except Invalid as error:
        raise Wrong({"signature": [f"{error.message} {error.hint}".strip()]}, UNPROCESSABLE) from None
    signers = [one.owner for one in signed]
    for one in signers:
        if one not in allowed:
            raise wrong(
                f"Signer={one} is not an owner or delegate. Current owners={safe.owners}. Delegates={sorted(delegates)}"
            )
        if one not in safe.owners and len(signed) > 1:
            raise wrong("Just one signature is expected if using delegates")
    if len(set(signers)) != len(signers):
        raise wrong("Signature for an owner is duplicated")
    if offer.sender not in signers:
        raise wrong(f"Signature does not match sender={offer.sender}. Calculated owners={signers}")
    return signed


def _refuse_over_long(tx: SafeTx) -> None:
    try:
        refuse_over_long(tx, calls_of(tx))
    except Invalid as error:
        raise Wrong({"data": [f"{error.message} {error.hint}"]}, UNPROCESSABLE) from None


def _refuse_delegate_call(tx: SafeTx) -> None:
    """In the service's words; a finding has blocked it already."""
    if calls_of(tx) is None:
        raise wrong("Operation DELEGATE_CALL is not allowed") from None  # but to the pinned MultiSendCallOnly


def _columns(safe: Safe, tx: SafeTx) -> dict[str, Any]:
    return {
        "calls": as_json(calls_of(tx) or ()),
        "title": f"Nonce {tx.nonce} of {safe.label}, from outside"[:200],
        "auto_execute": False,
    }


def _unsaved(safe: Safe, tx: SafeTx, columns: dict[str, Any]) -> Proposal:
    """As it would be stored, to be judged before it is."""
    fields = {name: value for name, value in vars(tx).items() if name not in ("safe", "hash")}
    return Proposal(safe=safe, safe_tx_hash=tx.hash, status=Proposal.State.SIGNING, **fields, **columns)


def _more(proposal: Proposal, signed: list[Signature], safe: Safe, *, actor: str, user: Any) -> None:
    """Owners' signatures that are not there yet; one that is, is no error."""
    refuse_unless_signing(proposal)
    check_row(proposal)
    refuse_stale_nonce(proposal, safe, actor=actor)
    for one in signed:
        refuse_unproved(one, safe, proposal.safe_tx)
    refuse_blocked(proposal, [one.owner for one in signed], look=False)
    with transaction.atomic():
        row = hold(proposal)
        row.simulated_at = proposal.simulated_at  # what was judged, even if it was simulated since
        _add(row, signed, safe, given(row), actor=actor, user=user)


def _add(
    held: Proposal, signed: list[Signature], safe: Safe, there: dict[str, Confirmation], *, actor: str, user: Any
) -> None:
    """Enough of them make it ready only once a simulation was judged: before that they are kept, and wait for it."""
    judged = held.simulated_at is not None
    for one in signed:
        if one.owner not in there or there[one.owner].lapsed:
            add_confirmation(held, one, safe, there, actor=actor, user=user, via=Via.API, judged=judged)


def add_signatures(*, proposal: Proposal, blob: bytes, actor: str, user: Any) -> None:
    """Owners' signatures of a proposal that was loaded with its Safe just now. Not inside a transaction."""
    digest = proposal.safe_tx_hash
    try:
        if proposal.status == "executed":
            raise Refused(f"Transaction with safe-tx-hash={digest} was already executed")
        safe = fresh(proposal.safe)
        signed = signatures.read(blob, digest, safe.owners)
        for one in signed:
            if one.owner not in safe.owners:
                raise Refused(f"Signer={one.owner} is not an owner. Current owners={safe.owners}")
        if len({one.owner for one in signed}) != len(signed):
            raise Refused("Signature for an owner is duplicated")
        _more(proposal, signed, safe, actor=actor, user=user)
    except (Invalid, Refused) as error:
        if isinstance(error, Refused) and error.code in ("chain-unavailable", "endpoints-disagree"):
            raise
        raise Wrong({"signature": [f"{error.message} {error.hint}".strip()]}) from None


def remove(*, proposal: Proposal, signature: bytes, actor: str) -> None:
    """Withdraw what was handed in here, by word of who handed it in."""
    if proposal.status in ("executed", "executing", "unknown"):
        raise Wrong("Executed transactions cannot be deleted")
    submission = Submission.objects.filter(proposal=proposal).first()
    if submission is None:
        raise Wrong("Transactions without proposer cannot be deleted")
    safe = proposal.safe
    hashes = delete_hashes(chain_id=proposal.chain_id, safe=safe.address, safe_tx_hash=proposal.safe_tx_hash)
    may = {submission.proposer}
    if submission.delegate and (submission.delegate, submission.proposer) in delegates_of(safe):
        may.add(submission.delegate)
    signer = _signer(signature, hashes, may)
    if signer is None:
        raise Wrong("Provided signer is not the proposer or the delegate user who proposed the transaction")
    try:
        withdraw(proposal=proposal, actor=actor, reason=f"deleted by {signer}, who had proposed it")
    except StaleTransition:
        raise Wrong(f"This transaction is {proposal.status}; it cannot be deleted") from None


def _signer(signature: bytes, hashes: Iterable[bytes], may: set[str]) -> str | None:
    """Who of these signed one of these messages; with a key of their own, as the service wants it."""
    for digest in hashes:
        try:
            found = parse(signature, digest)
        except Invalid as error:
            raise Wrong({"signature": [f"{error.message} {error.hint}".strip()]}) from None
        if found.kind not in (EIP712, ETH_SIGN):
            raise Wrong("Only EOA and ETH_SIGN signatures are supported")
        if found.owner in may:
            return found.owner
    return None


def add_delegate(*, chain: Chain, naming: Naming, actor: str, old: bool = False) -> Delegate:
    """An owner names somebody who may hand in proposals. Named again, label and end are the new ones."""
    safe = _safe_of(chain, naming)
    _refuse_stranger(chain, safe, naming.delegator)
    _refuse_unsigned(chain, naming, {naming.delegator}, old=old)
    with transaction.atomic():
        row, _ = Delegate.objects.update_or_create(
            chain=chain,
            safe=safe,
            delegate=naming.delegate,
            delegator=naming.delegator,
            defaults={"label": naming.label, "expires_at": naming.expires_at},
        )
        record("delegate.added", actor=actor, subject=row.subject, after=row.shown)
    return row


def remove_delegate(*, chain: Chain, naming: Naming, actor: str, old: bool = False) -> bool:
    """By word of the owner or of the delegate; without a Safe, wherever that owner named it. False: there is none."""
    safe = _safe_of(chain, naming)
    _refuse_unsigned(chain, naming, {naming.delegator, naming.delegate}, old=old)
    rows = Delegate.objects.filter(chain=chain, delegate=naming.delegate, delegator=naming.delegator)
    rows = rows.filter(safe=safe) if safe else rows
    with transaction.atomic():
        gone = list(rows.select_related("safe", "chain").select_for_update(of=("self",)))
        for row in gone:
            record("delegate.removed", actor=actor, subject=row.subject, before=row.shown)
            row.delete()
    return bool(gone)


def _safe_of(chain: Chain, naming: Naming) -> Safe | None:
    if naming.safe is None:
        return None
    safe = Safe.objects.select_related("chain").filter(chain=chain, address=naming.safe).first()
    if safe is None:
        raise Wrong(f"Safe={naming.safe} does not exist or it's still not indexed")
    return safe


def _refuse_stranger(chain: Chain, safe: Safe | None, delegator: str) -> None:
    """Only a present owner has something to give: of the Safe, or of any that is registered."""
    if safe is None:
        if not Safe.objects.filter(chain=chain, owners__contains=[delegator]).exists():
            raise Wrong(f"Provided delegator={delegator} is not an owner of any Safe that is registered here")
    elif delegator not in current(safe).owners:
        raise Wrong(f"Provided delegator={delegator} is not an owner of Safe={safe.address}")


def _refuse_unsigned(chain: Chain, naming: Naming, may: set[str], *, old: bool) -> None:
    hashes = (
        old_delegate_hashes(naming.delegate)
        if old
        else delegate_hashes(chain_id=chain.chain_id, delegate=naming.delegate)
    )
    if _signer(naming.signature, hashes, may) is None:
        raise Wrong(f"Signature does not match provided delegator={naming.delegator}")
