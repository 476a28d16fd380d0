"""Marks that a transaction carries for people: stuck (an alarm while it lasts), and unknown (a person decides)."""

from django.utils import timezone

from integrations.chain.transactions.models import Transaction
from ledger.services import Alarm, alarm, record
from ledger.transitions import transition

ACTOR = "system:chain"


def stuck(tx: Transaction, why: str) -> None:
    """Inside a commit: said once, an alarm until it is mined or moves on."""
    if tx.stuck_at is not None:
        return
    tx.stuck_at, tx.known = timezone.now(), {**tx.known, "stuck": why}
    Transaction.objects.filter(pk=tx.pk).update(stuck_at=tx.stuck_at, known=tx.known)
    raised = alarm(f"transaction_stuck:{tx.pk}", "SEV3", title=f"Transaction {tx.pk} is stuck: {why}"[:200])
    record("transaction.stuck", actor=ACTOR, scope=tx.scope, subject=tx.subject, reason=why[:500], alarm=raised)


def unstuck(tx: Transaction) -> None:
    """Inside a commit: whatever it was stuck for is over."""
    if tx.stuck_at is None:
        return
    tx.stuck_at, tx.known = None, {name: value for name, value in tx.known.items() if name != "stuck"}
    Transaction.objects.filter(pk=tx.pk).update(stuck_at=None, known=tx.known)
    cleared = alarm(f"transaction_stuck:{tx.pk}", "SEV3", cleared=True, title="")
    record("transaction.unstuck", actor=ACTOR, scope=tx.scope, subject=tx.subject, alarm=cleared)


def to_unknown(tx: Transaction, known: dict[str, object]) -> None:
    """Inside a commit: nothing more is done by itself until a person decided."""
    unstuck(tx)
    title = f"Nobody can say whether transaction {tx.pk} happened: {known['why']}"[:200]
    raised: Alarm = alarm(f"transaction_unknown:{tx.pk}", "SEV2", title=title)
    also = {"known": known, "reason": str(known["why"])[:500]}
    transition(tx, "unknown", actor=ACTOR, reason=str(known["why"])[:500], also=also, after=known, alarm=raised)
