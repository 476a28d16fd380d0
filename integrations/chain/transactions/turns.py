"""One turn of a transaction's work: as far as it gets now, then back to sleep without holding a worker.

Every write happens under the lease; between two commits a crash loses nothing, since the next turn starts from what was
stored: reserved rows are signed, signed rows are sent, sent rows are looked for before they are sent again.
"""

from collections.abc import Callable

from django.utils import timezone

from integrations.chain.client import Client, Disagreement, RpcUnavailable, client_for
from integrations.chain.transactions.endings import ACTOR, to_unknown
from integrations.chain.transactions.making import sign_first
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.pursuing import pursue
from integrations.chain.transactions.reserving import reserve
from integrations.chain.transactions.services import choices_for, ended
from integrations.chain.transactions.settling import pause_for, settle
from ledger.errors import Refused
from ledger.transitions import transition
from work import Done, Fail, Lease, Outcome, Unknown, faults
from work.models import Work

__all__ = ["ended_badly", "faults", "take_turn"]


def take_turn(lease: Lease) -> Outcome:
    """The handler of `chain.transaction`."""
    tx = Transaction.objects.select_related("chain", "executor__chain").get(pk=lease.work.payload["transaction"])
    client = client_for(tx.chain)
    try:
        while not ended(tx):
            outcome = STEPS[tx.status](lease, tx, client)
            if outcome is not None:
                return outcome
    except (RpcUnavailable, Disagreement) as error:
        return pause_for(2, str(error))
    except Refused as refusal:
        return _refused(lease, tx, refusal.message)
    return Done({"status": tx.status, "hash": tx.hash or ""})


def _refused(lease: Lease, tx: Transaction, why: str) -> Outcome:
    """A rule of the house (another world, a disabled executor, a key that does not open) stops it where it is."""
    if tx.status == Transaction.Status.QUEUED:
        with lease.commit(Done({"status": "refused"})) as turn:
            also = {"reason": why, "ended_at": timezone.now()}
            transition(tx, "refused", actor=ACTOR, reason=why, also=also)
        return turn.outcome or Done()
    if tx.status == Transaction.Status.RESERVED:
        with lease.commit():
            to_unknown(tx, {"why": why, "nonce": tx.nonce, "nonce_taken": False})
        return Unknown(known=tx.known, choices=list(choices_for(tx)))
    return pause_for(10, why)


def ended_badly(row: Work, outcome: Outcome) -> None:
    """The work failed for good (its workers died, or it raised again and again): in the same transaction as that."""
    if not isinstance(outcome, Fail):
        return
    tx = Transaction.objects.select_related("chain", "executor").get(pk=row.payload["transaction"])
    if tx.status == Transaction.Status.QUEUED:
        also = {"reason": outcome.error[:500], "ended_at": timezone.now()}
        transition(tx, "failed", actor=ACTOR, reason=outcome.error[:500], also=also)
    elif not ended(tx) and tx.status != Transaction.Status.UNKNOWN:
        to_unknown(tx, {"why": outcome.error[:500], "nonce": tx.nonce, "nonce_taken": False})


def _ask_a_person(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    return Unknown(known=tx.known, choices=list(choices_for(tx)))


STEPS: dict[str, Callable[[Lease, Transaction, Client], Outcome | None]] = {
    "queued": reserve,
    "reserved": sign_first,
    "signed": pursue,
    "broadcast": pursue,
    "mined": settle,
    "failed": settle,
    "unknown": _ask_a_person,
}
