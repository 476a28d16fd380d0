"""Private submission: nobody else sees it first; not mined in time, or refused, the same bytes go to everybody."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from integrations.chain.endpoints import look_at_private
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions import services
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import Error, HangUp, Rewrite, RpcProxy, Stall
from ledger.models import Event
from tests.chain.transactions import count, drive, due_now, events, increment, once, turn

pytestmark = pytest.mark.django_db(transaction=True)
SEND = "eth_sendRawTransaction"
KEEPS = Error(methods=(SEND,), message="already known")
"""It says that it has it, and never brings it."""


@pytest.fixture
def relay(node: Anvil, chain: Chain) -> Iterator[RpcProxy]:
    with RpcProxy(node.url) as running:
        chain.endpoints.create(url=running.url, label="relay", private_submission=True, timeout=1)
        yield running


def sent(proxy: RpcProxy) -> list[str]:
    return [seen.params[0] for seen in proxy.journal(SEND)]


def published(tx: Transaction) -> Event:
    return Event.objects.get(subject=tx.subject, verb="transaction.published")


def test_it_goes_to_the_private_endpoint_alone(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor
) -> None:
    tx = drive(increment(executor, private=True), "final", rpc=node.rpc)
    once(node, executor, tx)
    assert (len(sent(relay)), len(sent(proxy))) == (1, 0)
    assert {seen.method for seen in relay.journal()} <= {SEND, "eth_chainId"}  # nothing is read from there
    assert (tx.public_at, tx.private) == (None, True)
    assert Event.objects.get(subject=tx.subject, verb="transaction.broadcast").after["private"] is True


def test_others_go_everywhere(node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor) -> None:
    tx = drive(increment(executor), "mined")
    once(node, executor, tx)
    assert len(sent(proxy)) == 1


def test_the_chain_may_prefer_it_and_the_caller_may_not(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor
) -> None:
    Chain.objects.update(prefers_private=True)
    executor.chain.refresh_from_db()
    assert increment(executor).private is True
    assert increment(executor, key="k2", private=False).private is False
    assert increment(executor, private=False).private is True  # the same key is the same transaction, as it was asked


def test_without_a_block_in_time_the_same_bytes_go_to_everybody(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor
) -> None:
    relay.add(KEEPS)
    tx = drive(increment(executor, private=True), "broadcast")
    drive(tx, lambda one: one.sent_block is not None)
    for _ in range(executor.chain.private_blocks - 1):
        node.rpc("evm_mine")
        due_now(tx)
        turn(tx)
    assert (tx.public_at, sent(proxy)) == (None, [])
    node.rpc("evm_mine")
    due_now(tx)
    turn(tx)
    assert tx.public_at is not None
    assert published(tx).reason == "not mined within 3 blocks of private submission"
    drive(tx, "mined")
    once(node, executor, tx)
    assert set(sent(proxy)) == set(sent(relay)) == {"0x" + bytes(SignedAttempt.objects.get().raw).hex()}


@pytest.mark.parametrize("words", ["transaction rejected by policy", "max fee per gas less than block base fee"])
def test_a_refusal_sends_it_to_everybody_at_once(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor, words: str
) -> None:
    relay.add(Error(methods=(SEND,), code=-32000, message=words))
    tx = increment(executor, private=True)
    turn(tx)
    assert len(sent(proxy)) == 1
    assert words in published(tx).reason
    drive(tx, "mined")
    once(node, executor, tx)
    assert tx.attempts.count() == 1


@pytest.mark.parametrize(
    "fault", [HangUp(methods=(SEND,)), Stall(methods=(SEND,), when="before", seconds=2)], ids=["hangs-up", "silent"]
)
def test_silence_is_no_refusal_it_is_given_its_blocks(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor, fault: HangUp | Stall
) -> None:
    relay.add(fault)
    tx = increment(executor, private=True)
    for _ in range(3):
        turn(tx)
        due_now(tx)
    assert (tx.status, tx.public_at, sent(proxy)) == ("signed", None, [])
    drive(tx, "mined", rpc=node.rpc)
    once(node, executor, tx)
    assert "private submission" in published(tx).reason


def test_one_that_took_it_and_hung_up_is_not_published(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor
) -> None:
    relay.add(HangUp(methods=(SEND,), when="after", times=1))
    tx = drive(increment(executor, private=True), "mined")
    once(node, executor, tx)
    assert sent(proxy) == []


def test_one_of_another_chain_never_sees_it(node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor) -> None:
    relay.add(Rewrite(methods=("eth_chainId",), path="result", value="0x1"))
    tx = drive(increment(executor, private=True), "mined")
    once(node, executor, tx)
    assert (sent(relay), len(sent(proxy))) == ([], 1)


def test_a_relay_that_answers_nothing_but_submissions_serves(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor
) -> None:
    relay.add(Error(methods=("eth_chainId",), code=-32601, message="method not found"))
    tx = drive(increment(executor, private=True), "mined")
    once(node, executor, tx)
    assert sent(proxy) == []


def test_a_chain_without_a_private_endpoint_says_so(node: Anvil, proxy: RpcProxy, executor: Executor) -> None:
    tx = drive(increment(executor, private=True), "mined")
    once(node, executor, tx)
    assert published(tx).reason == "this chain has no private endpoint"


def test_the_fee_is_not_raised_while_it_is_private(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor
) -> None:
    Chain.objects.update(stuck_after=0)
    relay.add(KEEPS)
    tx = drive(increment(executor, private=True), "broadcast")
    for _ in range(3):
        due_now(tx)
        turn(tx)
    assert tx.attempts.count() == 1
    drive(tx, "mined", rpc=node.rpc)
    once(node, executor, tx)


def test_cancelled_while_private(node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor) -> None:
    node.rpc("evm_setAutomine", False)
    relay.add(KEEPS)
    tx = drive(increment(executor, private=True), "broadcast")
    services.cancel(transaction=tx, actor="user:1", reason="wrong target")
    drive(tx, "dropped", rpc=node.rpc)
    assert (count(node.rpc), node.rpc.nonce(executor.address)) == (0, 1)
    _, second = tx.attempts.all()
    assert sent(proxy) == ["0x" + bytes(second.raw).hex()]  # the empty one alone


def test_after_a_reorg_it_is_no_secret_any_more(
    node: Anvil, proxy: RpcProxy, relay: RpcProxy, executor: Executor
) -> None:
    node.rpc("anvil_mine", "0x2")
    tx = drive(increment(executor, private=True), "mined")
    block = tx.block_hash
    node.rpc("anvil_reorg", 1, [])
    drive(tx, lambda one: one.status == "mined" and one.block_hash != block)
    once(node, executor, tx)
    assert len(sent(proxy)) == 1
    assert events(tx).count("transaction.broadcast") == 2


def test_a_relay_that_dies_is_told_of_before_it_is_needed(relay: RpcProxy, chain: Chain) -> None:
    for _ in range(2):
        look_at_private(chain, every=timedelta(0))
    assert not Event.objects.filter(verb__startswith="endpoint.").exists()
    relay.add(HangUp())
    for _ in range(2):
        look_at_private(chain, every=timedelta(0))
    failing = Event.objects.get(verb="endpoint.failing")
    assert failing.after is not None and failing.after["endpoint"] == "relay"
    relay.clear()
    look_at_private(chain)  # not so soon again
    assert not Event.objects.filter(verb="endpoint.recovered").exists()
    look_at_private(chain, every=timedelta(0))
    assert Event.objects.filter(verb="endpoint.recovered").count() == 1
    assert {seen.method for seen in relay.journal()} == {"eth_chainId"}
