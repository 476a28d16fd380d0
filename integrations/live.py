"""What pages of this room follow. Nothing is drawn for everybody: each viewer fetches what they may see."""

from integrations.chain.models import Executor
from integrations.chain.transactions.models import Transaction
from ledger.live.topics import topic
from ledger.models import Event


def _number(event: Event, noun: str) -> int | None:
    name, _, number = event.subject.partition(":")
    return int(number) if name == noun and number.isdigit() else None


def _transaction(event: Event) -> list[int]:
    number = _number(event, "transaction")
    return [number] if number else []


def _transaction_scope(pk: int) -> int | None:
    found = Transaction.objects.filter(pk=pk).values_list("scope_id", flat=True)
    if not found:
        raise LookupError(pk)
    return found[0]


def _executor(event: Event) -> list[int]:
    if number := _number(event, "executor"):
        return [number]
    return list(Transaction.objects.filter(pk__in=_transaction(event)).values_list("executor_id", flat=True))


def _executor_scope(pk: int) -> None:
    if not Executor.objects.filter(pk=pk).exists():
        raise LookupError(pk)


def _nothing(_event: Event, _pk: int, _audience: str) -> str:
    return ""


topic("transaction", scope_of=_transaction_scope, matches=_transaction, render=_nothing)
topic("executor", scope_of=_executor_scope, matches=_executor, render=_nothing)
