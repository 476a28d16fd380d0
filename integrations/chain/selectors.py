"""Reads for pages and commands."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.utils.dateparse import parse_datetime

from integrations.chain.client import RpcError, client_for
from integrations.chain.executors.troubles import NONCES, of_nonces
from integrations.chain.executors.watching import Seen, see, wanted_balance
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import Transaction
from ledger.models import Event


@dataclass(frozen=True, slots=True)
class Alarmed:
    """One thing that is wrong, in words; `code` names its kind."""

    code: str
    words: str
    severity: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExecutorRow:
    """An executor with what it has in flight, as last noted or as the chain says now."""

    executor: Executor
    balance: int | None
    chain_nonce: int | None
    pending_nonce: int | None
    next_nonce: int
    in_flight: int
    unknown: int
    alarms: tuple[Alarmed, ...]
    blind: bool = False

    @property
    def wanted(self) -> int:
        """Below this balance it is an alarm."""
        return wanted_balance(self.executor)

    @property
    def problems(self) -> list[str]:
        """What a person should know, worst first."""
        return [one.words for one in self.alarms]


def executors_of(chain: Chain | None = None, *, live: bool = False) -> list[ExecutorRow]:
    """Executors with their numbers: those last noted, or (`live`) asked of the chain now."""
    found = Executor.objects.select_related("chain")
    rows = found.filter(chain=chain) if chain else found
    return [executor_row(executor, live=live) for executor in rows]


def watched(chain: Chain) -> "QuerySet[Executor]":
    """Those that may send something, and those that still have something on its way."""
    busy = Transaction.objects.filter(executor__chain=chain, status__in=Transaction.HOLDS_NONCE)
    return chain.executors.filter(Q(enabled=True) | Q(pk__in=busy.values("executor"))).select_related("chain")


def executor_row(executor: Executor, *, live: bool = False) -> ExecutorRow:
    """One executor's numbers and what is wrong with it, as last noted or as the chain says now. Writes nothing."""
    seen = Seen(executor.balance or 0, executor.chain_nonce or 0, executor.pending_nonce)
    known, blind = executor.checked_at is not None, False
    noted: Mapping[str, Mapping[str, str]] = executor.troubles
    if live:
        try:
            seen, known = see(client_for(executor.chain), executor), True
            now = of_nonces(executor, seen.nonce, seen.pending)
            noted = {code: trouble for code, trouble in noted.items() if code not in NONCES or code in now}
            noted = {**noted, **{code: {**noted.get(code, {}), **asdict(trouble)} for code, trouble in now.items()}}
        except RpcError:
            blind = True
    mine = Transaction.objects.filter(executor=executor)
    last = mine.exclude(status="dropped", hash=None).filter(nonce__isnull=False).order_by("-nonce").first()
    ours = 0 if last is None or last.nonce is None else last.nonce + 1
    unknown = mine.filter(status=Transaction.Status.UNKNOWN).count()
    stuck = list(mine.filter(stuck_at__isnull=False).order_by("nonce")[:5])
    balance = seen.balance if known else None
    return ExecutorRow(
        executor=executor,
        balance=balance,
        chain_nonce=seen.nonce if known else None,
        pending_nonce=seen.pending if known else None,
        next_nonce=max(ours, seen.nonce),
        in_flight=mine.filter(status__in=Transaction.IN_FLIGHT).count(),
        unknown=unknown,
        alarms=(*_alarms(executor, noted, balance, unknown), *(_stuck(tx) for tx in stuck)),
        blind=blind,
    )


def _stuck(tx: Transaction) -> Alarmed:
    return Alarmed("stuck", f"transaction #{tx.pk} is stuck: {tx.known.get('stuck', '')}", "SEV3", tx.stuck_at)


def _alarms(
    executor: Executor, noted: Mapping[str, Mapping[str, str]], balance: int | None, unknown: int
) -> Iterator[Alarmed]:
    """Worst first."""
    if unknown:
        waits = "transaction waits" if unknown == 1 else "transactions wait"
        yield Alarmed("unknown", f"{unknown} {waits} for a person's decision", "SEV2")
    for code, trouble in sorted(noted.items(), key=lambda pair: (pair[1]["severity"], pair[0])):
        since = parse_datetime(trouble["since"]) if trouble.get("since") else None
        yield Alarmed(code, trouble["words"], trouble["severity"], since)
    if balance is not None and balance < wanted_balance(executor):
        yield Alarmed("balance", "its balance is low", "SEV3")
    if not executor.enabled:
        yield Alarmed("disabled", "it is out of service: nothing new is sent from it", "SEV4")


def transactions_for(viewer: Any, executor: Executor | None = None) -> "QuerySet[Transaction]":
    """What this viewer may see of what was sent, newest first."""
    found: QuerySet[Transaction] = Transaction.objects.visible_to(viewer).select_related("chain", "executor", "scope")
    return found.filter(executor=executor) if executor else found


def in_flight(viewer: Any, executor: Executor) -> "QuerySet[Transaction]":
    """What this viewer may see of what is on its way, in the order of the nonces; what has none yet comes last."""
    busy = transactions_for(viewer, executor).filter(status__in=(*Transaction.IN_FLIGHT, Transaction.Status.UNKNOWN))
    return busy.order_by(F("nonce").asc(nulls_last=True), "pk")


def record_of(executor: Executor, viewer: Any) -> "QuerySet[Event]":
    """What happened to an executor, newest first."""
    found: QuerySet[Event] = Event.objects.visible_to(viewer).filter(subject=executor.subject).order_by("-pk")
    return found


def events_of(tx: Transaction, viewer: Any) -> "QuerySet[Event]":
    """What happened to it, oldest first."""
    found: QuerySet[Event] = Event.objects.visible_to(viewer).filter(subject=tx.subject).order_by("pk")
    return found


def of_subject(subject: str) -> "QuerySet[Transaction]":
    """The transactions of a subject such as `proposal:7`, newest first."""
    found: QuerySet[Transaction] = Transaction.objects.filter(about=subject)
    return found
