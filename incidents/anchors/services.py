"""Anchor the ledger's head: whoever owns the database could rewrite a whole chain, but not what others already hold.

Two places outside: an executor's transaction, whose data is the head, and a mail to the auditors. `ledger verify`
prints the head of any day; both must agree with it.
"""

from django.db import transaction
from django.utils import timezone

from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.services import submit
from ledger import record
from ledger.models import Chain as Ledger
from notify.services import send
from work import Done, Lease, Outcome, enqueue

KIND = "incidents.anchor"
ACTOR = "system:ledger"
MARK = b"BGLEDGER"


def anchor_data(seq: int, head: bytes) -> bytes:
    """What the transaction carries: a mark, the number of the last event, its hash."""
    return MARK + seq.to_bytes(8, "big") + head


@transaction.atomic
def ask(*, key: str, why: str) -> None:
    """Once for each key: `daily:2026-11-20`, `incident:42`. `why` is told to everyone: it must not name an incident."""
    enqueue(KIND, key=key, payload={"why": why}, actor=ACTOR)


def ask_daily() -> None:
    """Called every ten minutes; the first call of a day counts, so that a desk that was down is late and not silent."""
    ask(key=f"daily:{timezone.now():%Y-%m-%d}", why="daily")


def anchor(lease: Lease) -> Outcome:
    """Queue the transactions and the mail for the head as it is now; sending them is their own work."""
    why = str(lease.work.payload["why"])
    ledger = Ledger.objects.filter(pk=1).first()
    if ledger is None or not ledger.seq:
        return Done({"nothing": "the ledger is empty"})
    seq, head = ledger.seq, bytes(ledger.hash)
    outcome = Done({"seq": seq, "hash": "0x" + head.hex()})
    with lease.commit(outcome):
        key = f"anchor:{lease.work.pk}"
        chains = [_write_to(executor, seq, head, key) for executor in _executors()]
        text = f"Event {seq}\nHash 0x{head.hex()}\nReason {why}\nChains {', '.join(chains) or 'none: no executor'}"
        body = (
            f"The record of this desk ends at this hash. Keep this mail.\n\n{text}\n\n"
            "`manage.py ledger export` gives the chain; its line with this number must hold this hash."
        )
        subject = f"Record anchored at event {seq}"
        send(key=key, actor=ACTOR, audience="auditors", context={"subject": subject, "body": body})
        record("ledger.anchored", actor=ACTOR, after={"seq": seq, "hash": "0x" + head.hex(), "why": why})
    return outcome


def _executors() -> list[Executor]:
    """The first enabled executor of each live chain; of the devnet where there is no live one."""
    enabled = Executor.objects.filter(enabled=True).select_related("chain").order_by("chain_id", "pk")
    first: dict[int, Executor] = {}
    for executor in enabled:
        first.setdefault(executor.chain_id, executor)
    live = [one for one in first.values() if one.chain.kind == Chain.Kind.LIVE]
    return live or list(first.values())


def _write_to(executor: Executor, seq: int, head: bytes, key: str) -> str:
    """To itself, without value: only the data counts."""
    submit(
        chain=executor.chain,
        executor=executor,
        to=executor.address,
        data=anchor_data(seq, head),
        key=f"{key}:{executor.pk}",
        subject=f"anchor:{seq}",
        scope=None,
        actor=ACTOR,
    )
    return executor.chain.name
