"""A transaction's plain way: mined exactly once, in the order of the nonces, whoever works on it."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from integrations.chain.models import Executor
from integrations.chain.transactions import turns
from integrations.chain.transactions.models import Transaction
from integrations.devnet.anvil import Anvil
from ledger.errors import Invalid
from tests.chain.transactions import (
    count,
    drive,
    events,
    increment,
    nonce_on_chain,
    once,
    turn,
)
from work import leases
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_queued_to_final(node: Anvil, executor: Executor) -> None:
    tx = increment(executor)
    assert tx.status == "queued"
    drive(tx, "mined")
    once(node, executor, tx)
    assert tx.nonce == 0
    drive(tx, "final", rpc=node.rpc)
    once(node, executor, tx)
    assert events(tx) == [
        "transaction.queued",
        "transaction.reserved",
        "transaction.signed",
        "transaction.broadcast",
        "transaction.mined",
        "transaction.final",
    ]
    assert Work.objects.get(key=str(tx.pk)).status == "done"
    assert tx.attempts.count() == 1


def test_the_same_key_is_the_same_transaction(node: Anvil, executor: Executor) -> None:
    first = increment(executor)
    assert increment(executor) == first
    drive(first, "mined")
    assert increment(executor).status == "mined"
    assert count(node.rpc) == 1
    with pytest.raises(Invalid, match="another transaction"):
        increment(executor, value=1)
    assert Transaction.objects.count() == 1


def test_several_go_out_in_the_order_of_their_nonces(node: Anvil, executor: Executor) -> None:
    txs = [increment(executor, key=f"k{n}") for n in range(4)]
    for tx in txs:
        turn(tx)
    for tx in txs:
        drive(tx, "mined")
    assert [tx.nonce for tx in txs] == [0, 1, 2, 3]
    assert count(node.rpc) == 4


def test_many_workers_never_share_a_nonce(node: Anvil, executor: Executor) -> None:
    txs = [increment(executor, key=f"k{n}") for n in range(8)]
    failures: list[BaseException] = []

    def work(mine: list[Transaction]) -> None:
        try:
            for tx in mine:
                drive(tx, "mined", seconds=40)
        except BaseException as error:  # shown by the main thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(txs[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert sorted(Transaction.objects.values_list("nonce", flat=True)) == list(range(8))
    assert count(node.rpc) == nonce_on_chain(node, executor) == 8


def test_the_database_itself_refuses_a_second_holder_of_a_nonce(node: Anvil, executor: Executor) -> None:
    first, second = increment(executor), increment(executor, key="k2")
    drive(first, "mined")
    with pytest.raises(IntegrityError):
        Transaction.objects.filter(pk=second.pk).update(status="reserved", nonce=first.nonce)


def test_a_worker_that_lost_its_row_stores_and_sends_nothing(
    node: Anvil, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs between signing and storing; another takes over; what it then holds in its hands is worth nothing."""
    tx = increment(executor)
    hangs, goes_on = threading.Event(), threading.Event()

    def point(name: str) -> None:
        if name == "tx.signed" and threading.current_thread().name == "slow":
            hangs.set()
            goes_on.wait(20)

    monkeypatch.setattr(turns.faults, "point", point)
    outcome: list[object] = []

    def slow() -> None:
        try:
            outcome.append(turn(Transaction.objects.get(pk=tx.pk)))
        finally:
            connection.close()

    thread = threading.Thread(target=slow, name="slow")
    thread.start()
    assert hangs.wait(20)
    leases.HEART._leases.clear()  # its process is cut off: nobody extends its lease
    Work.objects.filter(key=str(tx.pk)).update(lease_until=timezone.now() - timedelta(seconds=1))
    drive(tx, "mined")
    goes_on.set()
    thread.join(20)
    assert outcome == [None]  # its lease was lost
    tx.refresh_from_db()
    once(node, executor, tx)
    assert tx.attempts.count() == 1
