"""The transaction manager on a real node: mined exactly once, or refused, or a person is asked; never twice."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from integrations.chain.models import Chain, Executor
from integrations.chain.transactions import services, turns
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.devnet.anvil import Anvil
from integrations.devnet.chain import KEYS
from integrations.devnet.proxy import Error, HangUp, Lag, Rewrite, RpcProxy, Stall, already_known, nonce_too_low
from ledger.errors import Invalid, Refused, StaleTransition
from ledger.models import Event
from tests.chain.transactions import (
    COUNTER,
    count,
    drive,
    due_now,
    events,
    foreign,
    increment,
    make_chain,
    make_executor,
    put_counter,
    turn,
)
from work import leases
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
SEND = ("eth_sendRawTransaction",)


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    """The thread that keeps leases ends before the database of the test does."""
    leases.Heart.BEAT = 0.1
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def node(anvil: Anvil) -> Iterator[Anvil]:
    put_counter(anvil.rpc)
    yield anvil
    anvil.rpc("evm_setAutomine", True)


@pytest.fixture
def proxy(node: Anvil) -> Iterator[RpcProxy]:
    with RpcProxy(node.url) as running:
        yield running


@pytest.fixture
def chain(proxy: RpcProxy) -> Chain:
    return make_chain(proxy.url)


@pytest.fixture
def executor(chain: Chain, node: Anvil) -> Executor:
    return make_executor(chain, node.rpc)


def nonce_on_chain(node: Anvil, executor: Executor) -> int:
    return node.rpc.nonce(executor.address)


def once(node: Anvil, executor: Executor, tx: Transaction) -> None:
    """The judge: the effect is on the chain exactly once, and the executor has sent exactly one transaction."""
    assert count(node.rpc) == 1
    assert nonce_on_chain(node, executor) == 1
    receipt = node.rpc("eth_getTransactionReceipt", tx.hash)
    assert (receipt["status"], receipt["blockHash"]) == ("0x1", tx.block_hash)


# --- the plain way


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


# --- refused before a nonce is burnt


def test_a_call_that_would_fail_is_refused_with_its_reason(node: Anvil, executor: Executor) -> None:
    # revert with Error("not today")
    text = "08c379a0" + f"{32:064x}" + f"{9:064x}" + b"not today".hex().ljust(64, "0")
    node.rpc("anvil_setCode", COUNTER, "0x6064600c60003960646000fd" + text)
    tx = drive(increment(executor))
    assert (tx.status, tx.reason, tx.nonce) == ("refused", "not today", None)
    assert nonce_on_chain(node, executor) == 0
    put_counter(node.rpc)
    after = drive(increment(executor, key="k2"), "mined")
    assert after.nonce == 0


def test_a_safes_error_code_is_explained(node: Anvil, executor: Executor) -> None:
    text = "08c379a0" + f"{32:064x}" + f"{5:064x}" + b"GS026".hex().ljust(64, "0")
    node.rpc("anvil_setCode", COUNTER, "0x6064600c60003960646000fd" + text)
    tx = drive(increment(executor))
    assert tx.reason.startswith("GS026: a signature is not an owner's")


def test_one_lagging_endpoint_does_not_refuse_what_another_would_run(node: Anvil, executor: Executor) -> None:
    with RpcProxy(node.url) as lagging:
        lagging.add(Error(methods=("eth_estimateGas",), code=3, message="execution reverted: GS025", data="0x"))
        executor.chain.endpoints.create(url=lagging.url, priority=0)
        tx = drive(increment(executor), "mined")
        once(node, executor, tx)


def test_an_executor_without_ether_waits_alarms_once_and_goes_on_when_it_is_filled(node: Anvil, chain: Chain) -> None:
    executor = make_executor(chain, node.rpc, ether=0)
    tx = increment(executor)
    for _ in range(2):
        turn(tx)
        due_now(tx)
    assert tx.status == "queued"
    low = Event.objects.filter(verb="executor.balance.low")
    assert low.count() == 1
    assert low.get().alarm["cleared"] is False
    node.rpc("anvil_setBalance", executor.address, hex(10**18))
    due_now(tx)
    drive(tx, "mined")
    assert Event.objects.get(verb="executor.balance.restored").alarm["cleared"] is True
    once(node, executor, tx)


# --- the wall between the worlds


def test_nothing_is_signed_across_the_worlds(node: Anvil, chain: Chain, executor: Executor) -> None:
    from integrations.chain.executors import add_executor, open_account

    with pytest.raises(Refused):
        add_executor(chain=chain, label="live", environment="live", actor="system:test")
    live = Chain.objects.create(chain_id=1, name="Mainnet", short_name="eth", kind="live")
    for environment in ("drill", "devnet"):
        with pytest.raises(Refused):
            add_executor(chain=live, label="x", environment=environment, actor="system:test")
    with pytest.raises(Invalid, match="Everybody knows"):
        add_executor(
            chain=live,
            label="x",
            environment="live",
            actor="system:test",
            key=KEYS[0].key,
        )
    # a row that is moved to a live chain behind our backs does not open: its seal names chain and world
    Executor.objects.filter(pk=executor.pk).update(chain=live, environment="live")
    executor = Executor.objects.select_related("chain").get(pk=executor.pk)
    with pytest.raises(Refused):
        open_account(executor)
    with pytest.raises(Refused, match="cannot be reached from a drill"):
        services.submit(
            chain=live,
            executor=executor,
            to=COUNTER,
            data=b"",
            key="x",
            subject="",
            scope=None,
            actor="a",
            environment="drill",
        )
    # and a devnet chain that takes a live id is refused before anything is signed
    Chain.objects.filter(pk=chain.pk).update(chain_id=10)
    chain.refresh_from_db()
    with pytest.raises(Invalid, match="live chain's id"):
        add_executor(chain=chain, label="y", environment="devnet", actor="system:test")


def test_a_disabled_executor_signs_nothing(node: Anvil, executor: Executor) -> None:
    tx = increment(executor)
    Executor.objects.update(enabled=False)
    with pytest.raises(Refused):
        services.submit(
            chain=executor.chain,
            executor=Executor.objects.get(),
            to=COUNTER,
            data=b"",
            key="k2",
            subject="",
            scope=None,
            actor="a",
        )
    drive(tx, "unknown")
    assert nonce_on_chain(node, executor) == 0
    assert set(services.choices_for(tx)) == {services.LOOK_AGAIN, services.GIVE_UP}
    Executor.objects.update(enabled=True)
    services.resolve(transaction=tx, choice=services.GIVE_UP, actor="user:1")
    again = drive(increment(executor, key="k3"), "mined")
    assert again.nonce == 0  # a nonce that was never signed for is free again


def test_the_key_shows_nowhere(executor: Executor) -> None:
    from integrations.chain.executors import open_account

    secret = bytes(open_account(executor).key).hex()
    shown = f"{executor!r} {executor} {vars(executor)} {list(Event.objects.values())}"
    assert secret not in shown


# --- answers that lie, connections that break


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


# --- reorgs


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


# --- somebody else uses our key


def test_a_foreign_transaction_at_our_nonce_stops_it_and_nothing_is_sent_at_another(
    node: Anvil, proxy: RpcProxy, executor: Executor
) -> None:
    tx = increment(executor)
    proxy.add(HangUp(methods=SEND))  # ours does not get out while theirs does
    drive(tx, "signed")
    theirs = foreign(node.rpc, executor, 0)
    proxy.clear()
    drive(tx, "unknown")
    assert (tx.known["foreign"]["hash"], tx.known["nonce"]) == (theirs, 0)
    assert (count(node.rpc), nonce_on_chain(node, executor)) == (0, 1)
    alarm = Event.objects.get(verb="transaction.unknown", subject=tx.subject).alarm
    assert (alarm["severity"], alarm["cleared"]) == ("SEV2", False)
    assert Work.objects.get(key=str(tx.pk)).status == "unknown"
    assert set(services.choices_for(tx)) == {services.LOOK_AGAIN, services.GIVE_UP}
    with pytest.raises(Refused):
        services.resolve(transaction=tx, choice=services.CANCEL, actor="user:1")
    services.resolve(transaction=tx, choice=services.GIVE_UP, actor="user:1", reason="they told us")
    tx.refresh_from_db()
    assert (tx.status, tx.reason) == ("dropped", "they told us")
    after = drive(increment(executor, key="k2"), "mined")
    assert after.nonce == 1
    assert Event.objects.filter(verb="transaction.dropped", alarm__cleared=True).count() == 1


def test_looking_again_finds_out_the_same_and_asks_again(node: Anvil, proxy: RpcProxy, executor: Executor) -> None:
    tx = increment(executor)
    proxy.add(HangUp(methods=SEND))
    drive(tx, "signed")
    foreign(node.rpc, executor, 0)
    proxy.clear()
    drive(tx, "unknown")
    services.resolve(transaction=tx, choice=services.LOOK_AGAIN, actor="user:1")
    tx.refresh_from_db()
    assert tx.status == "broadcast"
    drive(tx, "unknown")
    with pytest.raises(Invalid):
        services.resolve(transaction=tx, choice="fresh-nonce", actor="user:1")


def test_use_of_the_key_elsewhere_is_noticed(node: Anvil, executor: Executor) -> None:
    drive(increment(executor), "mined")
    foreign(node.rpc, executor, 1)
    tx = drive(increment(executor, key="k2"), "mined")
    assert tx.nonce == 2
    assert Event.objects.get(verb="executor.used.elsewhere").alarm["severity"] == "SEV2"


# --- fees


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


# --- failure on chain, cancelling


def test_a_transaction_that_reverts_on_chain_failed_and_says_why(node: Anvil, executor: Executor) -> None:
    node.rpc("evm_setAutomine", False)
    tx = increment(executor)
    drive(tx, "broadcast")
    text = "08c379a0" + f"{32:064x}" + f"{9:064x}" + b"not today".hex().ljust(64, "0")
    node.rpc("anvil_setCode", COUNTER, "0x6064600c60003960646000fd" + text)
    node.rpc("evm_mine")
    drive(tx, lambda one: one.status == "failed" and one.reason != "")
    assert (tx.receipt_status, tx.reason) == (False, "not today")
    drive(tx, rpc=node.rpc)
    assert (tx.status, tx.is_final) == ("failed", True)
    assert Work.objects.get(key=str(tx.pk)).status == "done"


def test_cancelling_before_and_after_it_has_a_nonce(node: Anvil, executor: Executor) -> None:
    early = services.cancel(transaction=increment(executor), actor="user:1", reason="wrong target")
    assert (early.status, early.nonce) == ("refused", None)
    node.rpc("evm_setAutomine", False)
    tx = increment(executor, key="k2")
    drive(tx, "broadcast")
    services.cancel(transaction=tx, actor="user:1", reason="wrong target")
    drive(tx, "dropped", rpc=node.rpc)
    assert (count(node.rpc), nonce_on_chain(node, executor)) == (0, 1)
    assert tx.attempts.last().kind == "cancel"
    with pytest.raises(StaleTransition):
        services.cancel(transaction=tx, actor="user:1", reason="")


# --- what submit refuses


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": "0x12"}, "to"),
        ({"data": "0x1"}, "data"),
        ({"value": -1}, "value"),
        ({"value": 2**256}, "value"),
        ({"key": ""}, "key"),
        ({"key": "x" * 201}, "key"),
        ({"data": b"\1" * 300_000}, "data"),
    ],
)
def test_bad_input_changes_nothing(executor: Executor, changes: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        increment(executor, **changes)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert not Transaction.objects.exists()
    assert not Work.objects.exists()


def test_a_transaction_is_what_was_asked_for_byte_for_byte(node: Anvil, executor: Executor) -> None:
    data = bytes(range(200))
    node.rpc("anvil_setCode", COUNTER, "0x00")
    tx = drive(increment(executor, data=data, value=7), "mined")
    mined = node.rpc("eth_getTransactionByHash", tx.hash)
    assert (mined["input"], int(mined["value"], 16), int(mined["type"], 16)) == ("0x" + data.hex(), 7, 2)
    assert mined["to"].lower() == COUNTER


# --- a worker that was thought dead comes back


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
