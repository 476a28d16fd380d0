"""Fees: raised for the same nonce and content, never above the chain's cap."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import SignedAttempt
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import HangUp, Rewrite, RpcProxy
from ledger.models import Event
from tests.chain.transactions import (
    drive,
    due_now,
    increment,
    once,
    turn,
)

pytestmark = pytest.mark.django_db(transaction=True)
SEND = ("eth_sendRawTransaction",)


def test_a_stuck_transaction_pays_more_for_the_same_effect(node: Anvil, executor: Executor) -> None:
    node.rpc("evm_setAutomine", False)
    tx = increment(executor)
    drive(tx, "broadcast")
    SignedAttempt.objects.update(broadcast_at=timezone.now() - timedelta(seconds=61))
    drive(tx, lambda one: one.attempts.count() == 2 and one.attempts.last().broadcast_at is not None)
    first, second = tx.attempts.all()
    assert second.max_fee * 100 >= first.max_fee * 110
    assert second.tip * 100 >= first.tip * 110
    assert second.kind == "bump"
    waiting = [node.rpc("eth_getTransactionByHash", one.hash) for one in (first, second)]
    same = [{name: one[name] for name in ("nonce", "to", "input", "value", "gas")} for one in waiting if one]
    assert waiting[1] is not None
    assert all(one == same[0] for one in same)
    node.rpc("evm_mine")
    drive(tx, "mined")
    assert tx.hash == second.hash
    once(node, executor, tx)


def test_an_earlier_attempt_that_is_mined_after_all_counts(node: Anvil, proxy: RpcProxy, executor: Executor) -> None:
    node.rpc("evm_setAutomine", False)
    tx = increment(executor)
    drive(tx, "broadcast")
    SignedAttempt.objects.update(broadcast_at=timezone.now() - timedelta(seconds=61))
    proxy.add(HangUp(methods=SEND))  # the dearer bytes do not get through
    drive(tx, lambda one: one.attempts.count() == 2)
    node.rpc("evm_mine")
    drive(tx, "mined")
    assert tx.hash == tx.attempts.first().hash
    once(node, executor, tx)
    drive(tx, "final", rpc=node.rpc)
    once(node, executor, tx)


def test_fees_above_the_cap_are_not_paid_and_said_once(node: Anvil, executor: Executor) -> None:
    Chain.objects.update(max_fee_per_gas=1)
    tx = increment(executor)
    for _ in range(3):
        turn(tx)
        due_now(tx)
    assert tx.status == "reserved"
    assert Event.objects.filter(verb="transaction.stuck").count() == 1
    Chain.objects.update(max_fee_per_gas=10**12)
    drive(tx, "mined")
    once(node, executor, tx)


def test_one_endpoint_that_exaggerates_moves_no_fee(node: Anvil, executor: Executor) -> None:
    with RpcProxy(node.url) as liar:
        executor.chain.endpoints.create(url=liar.url, priority=0)
        liar.add(Rewrite(methods=("eth_maxPriorityFeePerGas",), path="result", value=hex(500 * 10**9)))
        liar.add(Rewrite(methods=("eth_getBlockByNumber",), path="result.baseFeePerGas", value=hex(400 * 10**9)))
        tx = drive(increment(executor), "mined")
    once(node, executor, tx)
    assert tx.attempts.get().max_fee < 50 * 10**9


def test_a_spike_of_the_base_fee_is_followed_and_explained(node: Anvil, executor: Executor) -> None:
    node.rpc("evm_setAutomine", False)
    Chain.objects.update(stuck_blocks=2)
    tx = drive(increment(executor), "broadcast")
    drive(tx, lambda one: one.sent_block is not None)
    offered = tx.attempts.get().max_fee
    for _ in range(2):
        node.rpc("anvil_setNextBlockBaseFeePerGas", hex(offered * 2))
        node.rpc("evm_mine")
    due_now(tx)
    turn(tx)
    stuck = Event.objects.get(verb="transaction.stuck", subject=tx.subject)
    assert "not mined for 2 blocks: the base fee is" in stuck.reason
    assert stuck.alarm["cleared"] is False
    SignedAttempt.objects.update(broadcast_at=timezone.now() - timedelta(seconds=61))
    due_now(tx)
    drive(tx, lambda one: one.attempts.count() == 2 and one.attempts.last().broadcast_at is not None)
    assert tx.attempts.last().max_fee > 2 * offered
    node.rpc("evm_mine")
    drive(tx, "mined")
    once(node, executor, tx)
    assert tx.stuck_at is None
    assert Event.objects.get(verb="transaction.unstuck", subject=tx.subject).alarm["cleared"] is True
