"""Reads for pages and commands."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from integrations.chain.client import RpcError, client_for
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.looking import executor_nonce
from integrations.chain.transactions.models import Transaction
from ledger.models import Event


@dataclass(frozen=True, slots=True)
class ExecutorRow:
    """An executor with what it has in flight. `gaps`: nonces that hold up the ones after them."""

    executor: Executor
    balance: int | None
    chain_nonce: int | None
    next_nonce: int
    in_flight: int
    unknown: int
    gaps: tuple[int, ...]
    blind: bool = False

    @property
    def problems(self) -> list[str]:
        """What a person should know, worst first."""
        found = []
        if self.unknown:
            waits = "transaction waits" if self.unknown == 1 else "transactions wait"
            found.append(f"{self.unknown} {waits} for a person's decision")
        if self.gaps:
            found.append("nothing holds nonce " + ", ".join(str(nonce) for nonce in self.gaps[:5]))
        if self.balance is not None and self.balance < self.executor.low_balance:
            found.append("its balance is low")
        if not self.executor.enabled:
            found.append("it is disabled")
        return found


def executors_of(chain: Chain | None = None, *, live: bool = False) -> list[ExecutorRow]:
    """Executors with their numbers: those last noted, or (`live`) asked of the chain now."""
    found = Executor.objects.select_related("chain")
    rows = found.filter(chain=chain) if chain else found
    return [executor_row(executor, live=live) for executor in rows]


def executor_row(executor: Executor, *, live: bool = False) -> ExecutorRow:
    """One executor's numbers, as last noted or as the chain says now."""
    balance, chain_nonce, blind = executor.balance, executor.chain_nonce, False
    if live:
        try:
            client = client_for(executor.chain)
            balance, chain_nonce = client.balance(executor.address), executor_nonce(client, executor.address)
        except RpcError:
            blind = True
    mine = Transaction.objects.filter(executor=executor)
    held = set(
        mine.filter(nonce__gte=chain_nonce or 0).exclude(status="dropped", hash=None).values_list("nonce", flat=True)
    )
    last = mine.exclude(status="dropped", hash=None).filter(nonce__isnull=False).order_by("-nonce").first()
    ours = 0 if last is None or last.nonce is None else last.nonce + 1
    return ExecutorRow(
        executor=executor,
        balance=balance,
        chain_nonce=chain_nonce,
        next_nonce=max(ours, chain_nonce or 0),
        in_flight=mine.filter(status__in=Transaction.IN_FLIGHT).count(),
        unknown=mine.filter(status=Transaction.Status.UNKNOWN).count(),
        gaps=tuple(nonce for nonce in range(chain_nonce, ours) if nonce not in held) if chain_nonce is not None else (),
        blind=blind,
    )


def transactions_for(viewer: Any, executor: Executor | None = None) -> "QuerySet[Transaction]":
    """What this viewer may see of what was sent, newest first."""
    found: QuerySet[Transaction] = Transaction.objects.visible_to(viewer).select_related("chain", "executor", "scope")
    return found.filter(executor=executor) if executor else found


def events_of(tx: Transaction, viewer: Any) -> "QuerySet[Event]":
    """What happened to it, oldest first."""
    found: QuerySet[Event] = Event.objects.visible_to(viewer).filter(subject=tx.subject).order_by("pk")
    return found


def of_subject(subject: str) -> "QuerySet[Transaction]":
    """The transactions of a subject such as `proposal:7`, newest first."""
    found: QuerySet[Transaction] = Transaction.objects.filter(about=subject)
    return found
