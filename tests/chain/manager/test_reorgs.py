"""A mined transaction whose block is gone again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import SignedAttempt
from integrations.devnet.anvil import Anvil
from ledger.models import Event
from tests.chain.transactions import (
    COUNTER,
    count,
    drive,
    due_now,
    events,
    foreign,
    increment,
    nonce_on_chain,
    once,
    put_counter,
    turn,
)
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_reorg_sends_the_same_bytes_again(node: Anvil, executor: Executor) -> None:
    node.rpc("anvil_mine", "0x2")
    tx = drive(increment(executor), "mined")
    before = (tx.hash, tx.block_hash)
    node.rpc("anvil_reorg", 1, [])
    assert count(node.rpc) == 0  # its block is gone, and the node does not bring it back by itself
    drive(tx, lambda one: one.status == "mined" and one.block_hash != before[1])
    assert tx.hash == before[0]
    once(node, executor, tx)
    assert tx.attempts.count() == 1
    assert events(tx)[-3:] == ["transaction.mined", "transaction.broadcast", "transaction.mined"]
    gone = Event.objects.filter(subject=tx.subject, verb="transaction.broadcast").last()
    assert gone is not None
    assert gone.after["reorged_from"] == before[1]
    drive(tx, "final", rpc=node.rpc)
    once(node, executor, tx)


def test_a_reorg_that_mines_it_in_another_block_is_followed(node: Anvil, executor: Executor) -> None:
    node.rpc("anvil_mine", "0x2")
    tx = drive(increment(executor), "mined")
    raw = "0x" + bytes(tx.attempts.get().raw).hex()
    node.rpc("anvil_reorg", 2, [[raw, 0]])
    drive(tx, "final", rpc=node.rpc)
    once(node, executor, tx)


def test_a_reorg_in_which_somebody_else_takes_the_nonce_asks_a_person(node: Anvil, executor: Executor) -> None:
    node.rpc("anvil_mine", "0x2")
    tx = drive(increment(executor), "mined")
    node.rpc("anvil_reorg", 1, [])
    foreign(node.rpc, executor, 0)
    drive(tx, "unknown")
    assert tx.known["nonce_taken"] is True
    assert count(node.rpc) == 0
    assert nonce_on_chain(node, executor) == 1


def test_confirmations_are_waited_for_before_it_counts_as_mined(node: Anvil, executor: Executor) -> None:
    Chain.objects.update(confirmations=3, finality_depth=5)
    tx = drive(increment(executor), lambda one: "1 of 3" in Work.objects.get(key=str(one.pk)).reason)
    assert tx.status == "broadcast"
    node.rpc("evm_mine")
    due_now(tx)
    turn(tx)
    assert tx.status == "broadcast"
    node.rpc("evm_mine")
    due_now(tx)
    drive(tx, "mined")
    assert tx.is_final is False
    node.rpc("anvil_mine", "0x2")
    due_now(tx)
    drive(tx, "final")
    once(node, executor, tx)


def test_a_reorg_before_the_confirmations_moves_nothing_but_the_block(node: Anvil, executor: Executor) -> None:
    Chain.objects.update(confirmations=3, finality_depth=5)
    node.rpc("anvil_mine", "0x3")
    tx = drive(increment(executor), lambda one: "1 of 3" in Work.objects.get(key=str(one.pk)).reason)
    raw = "0x" + bytes(tx.attempts.get().raw).hex()
    node.rpc("anvil_reorg", 2, [[raw, 1]])
    drive(tx, "final", rpc=node.rpc)
    once(node, executor, tx)
    assert events(tx).count("transaction.mined") == 1


def test_a_reorg_after_a_raised_fee_may_bring_the_older_bytes(node: Anvil, executor: Executor) -> None:
    """The dearer bytes were mined; on the other branch the first ones are: still one effect."""
    node.rpc("anvil_mine", "0x3")
    node.rpc("evm_setAutomine", False)
    tx = drive(increment(executor), "broadcast")
    SignedAttempt.objects.update(broadcast_at=timezone.now() - timedelta(seconds=61))
    drive(tx, lambda one: one.attempts.count() == 2 and one.attempts.last().broadcast_at is not None)
    node.rpc("evm_mine")
    drive(tx, "mined")
    first, second = tx.attempts.all()
    assert tx.hash == second.hash
    node.rpc("anvil_reorg", 1, [["0x" + bytes(first.raw).hex(), 0]])
    drive(tx, lambda one: one.status == "mined" and one.hash == first.hash)
    once(node, executor, tx)
    drive(tx, "final", rpc=node.rpc)
    once(node, executor, tx)


def test_a_failed_one_whose_block_is_gone_gets_another_chance(node: Anvil, executor: Executor) -> None:
    node.rpc("anvil_mine", "0x2")
    node.rpc("evm_setAutomine", False)
    tx = drive(increment(executor), "broadcast")
    node.rpc("anvil_setCode", COUNTER, "0x5f5ffd")
    node.rpc("evm_mine")
    drive(tx, lambda one: one.status == "failed" and one.reason != "")
    node.rpc("anvil_reorg", 1, [])
    put_counter(node.rpc)
    node.rpc("evm_setAutomine", True)
    drive(tx, "mined")
    once(node, executor, tx)
