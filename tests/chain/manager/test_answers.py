"""Endpoints that lie, hang up, time out after accepting, lag, or disagree: it is mined once all the same."""

import pytest

from integrations.chain.models import Chain, Executor
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import Error, HangUp, Lag, Rewrite, RpcProxy, Split, Stall, already_known, nonce_too_low
from ledger.models import Event
from tests.chain.transactions import (
    drive,
    due_now,
    increment,
    once,
    put_counter,
    turn,
)
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
SEND = ("eth_sendRawTransaction",)


@pytest.mark.parametrize(
    "fault",
    [
        HangUp(methods=SEND, when="after", times=1),
        HangUp(methods=SEND, when="before", times=2),
        Stall(methods=SEND, when="after", seconds=4, times=1),
        already_known(times=1),
        Error(methods=SEND, message="transaction already imported", forward=True, times=1),
        Error(methods=SEND, message="txpool is full", times=2),
        Error(methods=SEND, message="nonce too low", forward=True, times=1),
        Error(methods=SEND, message="internal error", code=-32603, forward=True, times=1),
    ],
    ids=lambda one: f"{one.kind}-{getattr(one, 'when', '') or getattr(one, 'message', '')}",
)
def test_whatever_the_node_answers_it_is_mined_once(
    node: Anvil, proxy: RpcProxy, executor: Executor, fault: object
) -> None:
    proxy.add(fault)  # type: ignore[arg-type]  # one of the union
    tx = drive(increment(executor), "mined")
    once(node, executor, tx)
    assert tx.attempts.count() == 1
    drive(tx, "final", rpc=node.rpc)
    once(node, executor, tx)


def test_a_claim_that_the_nonce_is_used_is_checked_on_the_chain(
    node: Anvil, proxy: RpcProxy, executor: Executor
) -> None:
    """The node says so and the chain does not: the same bytes are sent again, never others."""
    proxy.add(nonce_too_low(times=2))
    tx = drive(increment(executor), "mined")
    once(node, executor, tx)
    assert tx.attempts.count() == 1


def test_with_every_endpoint_dead_it_waits_and_then_goes_on(node: Anvil, proxy: RpcProxy, executor: Executor) -> None:
    tx = increment(executor)
    proxy.add(HangUp())
    for _ in range(3):
        turn(tx)
        due_now(tx)
    assert tx.status == "queued"
    row = Work.objects.get(key=str(tx.pk))
    assert (row.status, row.failures) == ("waiting", 0)
    assert "No endpoint" in row.reason
    proxy.clear()
    drive(tx, "mined")
    once(node, executor, tx)


def test_a_receipt_that_the_other_endpoint_contradicts_is_not_believed(node: Anvil, executor: Executor) -> None:
    with RpcProxy(node.url) as liar:
        executor.chain.endpoints.create(url=liar.url, priority=0)
        liar.add(Rewrite(methods=("eth_getTransactionReceipt",), path="result.status", value="0x0"))
        tx = increment(executor)
        drive(tx, "broadcast")
        for _ in range(4):
            due_now(tx)
            turn(tx)
        assert tx.status == "broadcast"
        assert "different stories" in Work.objects.get(key=str(tx.pk)).reason
        liar.clear()
        drive(tx, "mined")
        once(node, executor, tx)


def test_an_endpoint_that_lags_behind_is_waited_for_not_believed(node: Anvil, executor: Executor) -> None:
    with RpcProxy(node.url) as lagging:
        lagging.add(Lag(blocks=2))
        executor.chain.endpoints.create(url=lagging.url, priority=0)
        tx = drive(increment(executor), "mined", rpc=node.rpc)
        once(node, executor, tx)
        drive(tx, "final", rpc=node.rpc)
        assert tx.attempts.count() == 1


def test_a_receipt_that_one_endpoint_makes_up_alone_is_not_believed(node: Anvil, executor: Executor) -> None:
    """It says mined and successful; the other, at the same height, knows of nothing."""
    node.rpc("evm_setAutomine", False)
    with RpcProxy(node.url) as liar:
        executor.chain.endpoints.create(url=liar.url, priority=0)
        tx = drive(increment(executor), "broadcast")
        head = node.rpc("eth_getBlockByNumber", "latest", False)
        made_up = {
            "transactionHash": tx.hash,
            "blockNumber": head["number"],
            "blockHash": head["hash"],
            "status": "0x1",
            "gasUsed": "0x5208",
            "effectiveGasPrice": "0x1",
            "logs": [],
        }
        liar.add(Rewrite(methods=("eth_getTransactionReceipt",), path="result", value=made_up))
        for _ in range(3):
            due_now(tx)
            turn(tx)
        assert tx.status == "broadcast"
        assert "different stories" in Work.objects.get(key=str(tx.pk)).reason
        liar.clear()
        node.rpc("evm_mine")
        drive(tx, "mined")
        once(node, executor, tx)


def test_an_endpoint_that_hides_the_receipt_holds_it_up_and_loses_nothing(node: Anvil, executor: Executor) -> None:
    with RpcProxy(node.url) as liar:
        executor.chain.endpoints.create(url=liar.url, priority=0)
        liar.add(Rewrite(methods=("eth_getTransactionReceipt",), path="result", value=None))
        tx = increment(executor)
        drive(tx, "broadcast")
        for _ in range(3):
            due_now(tx)
            turn(tx)
        assert (tx.status, tx.attempts.count()) == ("broadcast", 1)
        liar.clear()
        drive(tx, "mined")
        once(node, executor, tx)


def test_a_nonce_that_one_endpoint_claims_alone_makes_nothing_unknown(node: Anvil, executor: Executor) -> None:
    node.rpc("evm_setAutomine", False)
    with RpcProxy(node.url) as liar:
        executor.chain.endpoints.create(url=liar.url, priority=0)
        tx = drive(increment(executor), "broadcast")
        liar.add(Rewrite(methods=("eth_getTransactionCount",), path="result", value="0x5"))
        for _ in range(4):
            due_now(tx)
            turn(tx)
        assert (tx.status, tx.foreign_seen_at) == ("broadcast", None)
        node.rpc("evm_mine")
        drive(tx, "mined")
        once(node, executor, tx)


def test_one_endpoint_that_stalls_costs_its_timeout_and_nothing_else(node: Anvil, executor: Executor) -> None:
    with RpcProxy(node.url) as stalled:
        executor.chain.endpoints.create(url=stalled.url, priority=0, timeout=1)
        stalled.add(Stall())
        tx = drive(increment(executor), "mined", seconds=30)
        once(node, executor, tx)
        assert tx.attempts.count() == 1


def test_endpoints_on_two_branches_are_waited_for_until_they_agree(node: Anvil, executor: Executor) -> None:
    """One of them is on a branch of its own, where the transaction was never mined."""
    with Anvil(mining="manual") as other, RpcProxy(node.url) as split:
        put_counter(other.rpc)
        other.rpc("anvil_setBalance", executor.address, hex(10**19))
        executor.chain.endpoints.create(url=split.url, priority=0)
        tx = drive(increment(executor), "broadcast")
        other.rpc("anvil_mine", hex(node.rpc.block_number() + 5))
        reads = ("eth_blockNumber", "eth_getTransactionCount", "eth_getTransactionByHash", "eth_getTransactionReceipt")
        split.add(Split(methods=reads, upstream=other.url))
        for _ in range(3):
            due_now(tx)
            turn(tx)
        assert tx.status == "broadcast"
        split.clear()
        drive(tx, "mined")
        once(node, executor, tx)


def test_one_that_no_endpoint_takes_says_what_they_answer(node: Anvil, proxy: RpcProxy, executor: Executor) -> None:
    Chain.objects.update(stuck_blocks=2)
    proxy.add(Error(methods=SEND, message="txpool is full"))
    tx = increment(executor)
    for _ in range(3):
        turn(tx)
        node.rpc("evm_mine")
        due_now(tx)
    turn(tx)
    stuck = Event.objects.get(verb="transaction.stuck", subject=tx.subject)
    assert "no endpoint has taken it (127.0.0.1" in stuck.reason
    assert "txpool is full" in stuck.reason
    proxy.clear()
    due_now(tx)
    drive(tx, "mined")
    once(node, executor, tx)
