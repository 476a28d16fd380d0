"""Signed or sent: look, send the same bytes, raise the fee, until it is mined, or a person has to know."""

from datetime import timedelta

from django.utils import timezone

from integrations.chain.client import Client
from integrations.chain.errors import RpcError
from integrations.chain.transactions import sending, submitting
from integrations.chain.transactions.endings import stuck, to_unknown
from integrations.chain.transactions.looking import Look, find_foreign, look
from integrations.chain.transactions.making import sign_next
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.chain.transactions.pricing import fees_of, gwei
from integrations.chain.transactions.services import newest
from integrations.chain.transactions.settling import mined, pause_for, poll
from work import Lease, Outcome

MAX_ATTEMPTS = 30


def pursue(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    attempt = newest(tx)
    assert attempt is not None and tx.nonce is not None
    if attempt.broadcast_at is None:  # just stored: nobody can know these bytes, older ones are looked for next turn
        return submitting.send(lease, tx, client, attempt)
    seen = look(client, tx, [one.hash for one in tx.attempts.order_by("number")])
    if seen.receipt is not None:
        return mined(lease, tx, seen, seen.receipt)
    if seen.disputed:
        return pause_for(1, "the endpoints tell different stories")
    if seen.nonce_passed(tx.nonce):
        return _taken(lease, tx, client)
    _note(lease, tx, seen)
    if overdue := submitting.overdue(tx, seen.height):
        submitting.go_public(lease, tx, overdue)
        return submitting.send(lease, tx, client, attempt)
    kind = _kind_wanted(tx, attempt)
    if kind is not None and sign_next(lease, tx, client, kind, attempt) is None:
        return None
    _watch(lease, tx, client, attempt, seen)
    if _resend(tx, attempt, seen):
        return submitting.send(lease, tx, client, attempt)
    return pause_for(poll(tx), f"waiting for nonce {tx.nonce} to be mined")


def _note(lease: Lease, tx: Transaction, seen: Look) -> None:
    """From which height on it is waited for; and that an endpoint was ahead of the others for a moment."""
    changes: dict[str, object] = {}
    if tx.sent_block is None:
        changes["sent_block"] = tx.sent_block = seen.height
    if tx.foreign_seen_at is not None:
        changes["foreign_seen_at"] = tx.foreign_seen_at = None
    if changes:
        with lease.commit():
            Transaction.objects.filter(pk=tx.pk).update(**changes)


def _resend(tx: Transaction, attempt: SignedAttempt, seen: Look) -> bool:
    """Whether the same bytes should go out again: some endpoint lost them, or has not taken them yet."""
    since = timezone.now() - (attempt.sent_at or attempt.created_at)
    if submitting.is_private(tx):  # nobody who may be asked knows them: again only while no private one took them
        return tx.status == Transaction.Status.SIGNED and since > timedelta(seconds=poll(tx))
    missing = not seen.knows or tx.status == Transaction.Status.SIGNED
    return missing and since > timedelta(seconds=poll(tx))


def _kind_wanted(tx: Transaction, attempt: SignedAttempt) -> str | None:
    """Whether new bytes are called for: an empty replacement, or the same effect at a higher fee."""
    if attempt.number >= MAX_ATTEMPTS:
        return None
    if tx.cancelling and attempt.kind != SignedAttempt.Kind.CANCEL:
        return SignedAttempt.Kind.CANCEL
    if submitting.is_private(tx) and attempt.kind != SignedAttempt.Kind.CANCEL:
        return None  # what goes public after a while are the bytes that a private endpoint may still bring
    since = attempt.broadcast_at or attempt.created_at
    age = timezone.now() - (max(since, tx.public_at) if tx.public_at else since)
    said = [str(text) for text in attempt.answers.values()]
    too_cheap = any(text.startswith(sending.UNDERPRICED) for text in said) and "accepted" not in said
    patience = tx.chain.block_time if too_cheap else tx.chain.stuck_after
    if age < timedelta(seconds=patience):
        return None
    return SignedAttempt.Kind.CANCEL if attempt.kind == SignedAttempt.Kind.CANCEL else SignedAttempt.Kind.BUMP


def _watch(lease: Lease, tx: Transaction, client: Client, attempt: SignedAttempt, seen: Look) -> None:
    """Not mined for many blocks: an alarm that says why."""
    if tx.stuck_at is not None or tx.sent_block is None:
        return
    blocks = seen.height - tx.sent_block
    if blocks >= tx.chain.stuck_blocks:
        why = f"not mined for {blocks} blocks: {_why(tx, client, attempt, seen)}"
        with lease.commit():
            stuck(tx, why)


def _why(tx: Transaction, client: Client, attempt: SignedAttempt, seen: Look) -> str:
    """What can be seen of the reason."""
    next_nonce = min(view.nonce for view in seen.views.values())
    if tx.nonce is not None and next_nonce < tx.nonce:
        return f"it waits behind nonce {next_nonce}, which is not mined either"
    try:
        base = fees_of(client).base
    except RpcError:
        base = 0
    if base > attempt.max_fee:
        capped = f", and this chain's cap is {gwei(tx.chain.max_fee_per_gas)}"
        return f"the base fee is {gwei(base)}, it offers at most {gwei(attempt.max_fee)}{capped}"
    if tx.status == Transaction.Status.SIGNED:
        said = "; ".join(f"{name}: {words}" for name, words in attempt.answers.items())
        return f"no endpoint has taken it ({said or 'none was asked'})"[:400]
    if submitting.is_private(tx):
        return "only the private endpoint has it"
    if not seen.knows:
        return "an endpoint does not have it; it is sent again and again"
    return "its fee and nonce are good, and the endpoints have it; blocks leave it out"


def _taken(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    """Our nonce is used and none of our bytes are mined: seen twice, a block apart, a person has to know."""
    pause = max(1.0, tx.chain.block_time)
    if tx.foreign_seen_at is None:
        with lease.commit():
            tx.foreign_seen_at = timezone.now()
            Transaction.objects.filter(pk=tx.pk).update(foreign_seen_at=tx.foreign_seen_at)
        return pause_for(pause, f"nonce {tx.nonce} is used, but not by our bytes")
    if timezone.now() - tx.foreign_seen_at < timedelta(seconds=pause * 0.9):
        return pause_for(pause, f"nonce {tx.nonce} is used, but not by our bytes")
    assert tx.nonce is not None
    foreign = find_foreign(client, tx.executor.address, tx.nonce)
    ours = [attempt.hash for attempt in tx.attempts.all()]
    if foreign is not None and foreign["hash"] in ours:
        return pause_for(1, "the receipt is not there yet")
    with lease.commit():
        why = "another transaction was mined at our nonce"
        known: dict[str, object] = {"why": why, "nonce": tx.nonce, "nonce_taken": True}
        to_unknown(tx, {**known, "ours": ours, "foreign": foreign})
    return None
