"""What is refused before a nonce is burnt, and what is refused at submission."""

import pytest

from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import Transaction
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import Error, RpcProxy
from ledger.errors import Invalid
from ledger.models import Event
from tests.chain.transactions import (
    COUNTER,
    drive,
    due_now,
    increment,
    make_executor,
    nonce_on_chain,
    once,
    put_counter,
    turn,
)
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)


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
