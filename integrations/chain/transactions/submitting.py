"""Stored bytes on their way out: to every endpoint, or first to the private ones alone.

A private transaction is not seen by the public until it is mined, so nobody can act before it does. After the chain's
`private_blocks` without it, or at once when every private endpoint refuses it, the same bytes go to everybody: late
and public is better than never. Nothing that a private endpoint says counts for more than that.
"""

from django.utils import timezone

from integrations.chain.client import Client, WrongChain
from integrations.chain.errors import RpcError, RpcRefused
from integrations.chain.transactions import sending
from integrations.chain.transactions.endings import ACTOR, to_unknown
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.chain.transactions.settling import pause_for, poll
from ledger.services import record
from ledger.transitions import transition
from work import Lease, Outcome, faults


def is_private(tx: Transaction) -> bool:
    """Whether it is still kept from the public."""
    return tx.private and tx.public_at is None


def send(lease: Lease, tx: Transaction, client: Client, attempt: SignedAttempt) -> Outcome | None:
    """Whatever the endpoints say, these are the bytes, and this is the nonce."""
    lease.check()
    if not is_private(tx) or attempt.kind == SignedAttempt.Kind.CANCEL:  # an empty transaction betrays nothing
        answers = client.broadcast(bytes(attempt.raw))
        faults.point("tx.broadcast")
        return _heard(lease, tx, attempt, answers)
    if not client.has_private:
        go_public(lease, tx, "this chain has no private endpoint")
        return send(lease, tx, client, attempt)
    answers = client.submit_privately(bytes(attempt.raw))
    faults.point("tx.broadcast")
    if all(_certainly_refused(answer) for answer in answers.values()):
        said = "; ".join(f"{name}: {words}" for name, words in sending.spoken(answers).items())
        go_public(lease, tx, f"the private endpoint refused it ({said})")
        return send(lease, tx, client, attempt)
    return _heard(lease, tx, attempt, answers)


def _certainly_refused(answer: str | RpcError) -> bool:
    """It was understood and turned down: silence, or a nonce that may have been used by these bytes, is neither."""
    if isinstance(answer, WrongChain):
        return True
    return isinstance(answer, RpcRefused) and sending.kind_of(answer) not in (sending.ACCEPTED, sending.TOO_LOW)


def _heard(
    lease: Lease, tx: Transaction, attempt: SignedAttempt, answers: "dict[str, str | RpcError]"
) -> Outcome | None:
    """Notes what was said. A private endpoint's words alone make nothing unknown."""
    verdict = sending.verdict(answers)
    if verdict == sending.OTHER_WAITS and attempt.number > 1:
        verdict = sending.ACCEPTED  # an earlier attempt of ours is what waits there
    now = timezone.now()
    with lease.commit():
        said = sending.spoken(answers)
        changes = {"answers": said, "sent_at": now, "broadcast_at": attempt.broadcast_at or now}
        SignedAttempt.objects.filter(pk=attempt.pk).update(**changes)
        if verdict == sending.ACCEPTED and tx.status == Transaction.Status.SIGNED:
            after = {"hash": attempt.hash, "nonce": tx.nonce, "answers": said, "private": is_private(tx)}
            transition(tx, "broadcast", actor=ACTOR, also={"broadcast_at": tx.broadcast_at or now}, after=after)
        elif verdict in (sending.OTHER_WAITS, sending.INVALID) and not is_private(tx):
            to_unknown(tx, {"why": f"{verdict}: {said}", "nonce": tx.nonce, "nonce_taken": False})
    if tx.status == Transaction.Status.UNKNOWN or verdict == sending.TOO_LOW:
        return None
    return pause_for(poll(tx), verdict)


def overdue(tx: Transaction, height: int) -> str:
    """Why a private transaction should go public now; empty while it need not."""
    if not is_private(tx) or tx.sent_block is None or height - tx.sent_block < tx.chain.private_blocks:
        return ""
    blocks = height - tx.sent_block
    return f"not mined within {blocks} block{'' if blocks == 1 else 's'} of private submission"


def go_public(lease: Lease, tx: Transaction, why: str) -> None:
    """From here on the same bytes go to everybody; stored before they do."""
    with lease.commit():
        tx.public_at, tx.public_reason = timezone.now(), why[:300]
        Transaction.objects.filter(pk=tx.pk).update(public_at=tx.public_at, public_reason=tx.public_reason)
        after = {"hash": tx.hash, "nonce": tx.nonce}
        record("transaction.published", actor=ACTOR, scope=tx.scope, subject=tx.subject, reason=why[:500], after=after)
    faults.point("tx.public")
