"""What is wrong with an executor's nonces, balance and transactions: in words, an alarm while it lasts."""

import pytest

from integrations.chain.client import client_for
from integrations.chain.executors import watching
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions import services
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import Rewrite, RpcProxy
from ledger.errors import Invalid, Refused
from ledger.models import Event
from tests.chain.transactions import drive, due_now, foreign, increment, make_executor, once, turn

pytestmark = pytest.mark.django_db(transaction=True)


def look(executor: Executor) -> dict[str, str]:
    """What a look finds, in words."""
    watching.look_at(client_for(executor.chain), [executor])
    executor.refresh_from_db()
    return {code: trouble["words"] for code, trouble in executor.troubles.items()}


def alarms(executor: Executor, key: str) -> list[tuple[str, bool]]:
    found = Event.objects.filter(alarm__key=f"{key}:{executor.pk}").order_by("pk")
    return [(event.alarm["severity"], event.alarm["cleared"]) for event in found]


def test_nothing_is_wrong_in_the_plain_way(node: Anvil, executor: Executor) -> None:
    assert look(executor) == {}
    drive(increment(executor), "mined")
    drive(increment(executor, key="k2"), "final", rpc=node.rpc)
    assert look(executor) == {}
    assert (executor.chain_nonce, executor.pending_nonce, executor.accounted) == (2, 2, 0)


def test_use_of_the_key_elsewhere_is_an_alarm_until_a_commander_accepts_it(node: Anvil, executor: Executor) -> None:
    assert look(executor) == {}
    foreign(node.rpc, executor, 0)
    foreign(node.rpc, executor, 1)
    found = look(executor)
    assert found["foreign"].startswith(
        "nonces 0, 1 on the chain were used by transactions that were not sent from here"
    )
    assert look(executor) == found
    assert alarms(executor, "executor_foreign") == [("SEV2", False)]
    drive(increment(executor), "mined")
    assert look(executor) == found  # that we go on is no explanation
    with pytest.raises(Invalid):
        watching.accept_foreign(executor=executor, actor="user:1", reason=" ")
    watching.accept_foreign(executor=executor, actor="user:1", reason="our own sweep of last week")
    assert look(executor) == {}
    assert alarms(executor, "executor_foreign") == [("SEV2", False), ("SEV2", True)]
    with pytest.raises(Refused):
        watching.accept_foreign(executor=executor, actor="user:1", reason="again")


def test_what_an_account_did_before_it_was_ours_is_its_own_history(node: Anvil, chain: Chain) -> None:
    executor = make_executor(chain, node.rpc)
    foreign(node.rpc, executor, 0)
    assert look(executor) == {}
    assert drive(increment(executor), "mined").nonce == 1


def test_a_foreign_transaction_that_waits_in_the_pool_is_seen(node: Anvil, executor: Executor) -> None:
    look(executor)
    node.rpc("evm_setAutomine", False)
    foreign(node.rpc, executor, 0)
    assert "a transaction that is not ours waits there" in look(executor)["pending"]
    assert alarms(executor, "executor_pending") == [("SEV2", False)]
    node.rpc("evm_mine")
    found = look(executor)
    assert set(found) == {"foreign"}
    assert alarms(executor, "executor_pending")[-1] == ("SEV2", True)


def test_ours_in_the_pool_are_not_taken_for_somebody_elses(node: Anvil, executor: Executor) -> None:
    node.rpc("evm_setAutomine", False)
    for number in range(3):
        drive(increment(executor, key=f"k{number}"), "broadcast")
    assert look(executor) == {}
    assert executor.pending_nonce == 3


def test_a_gap_is_explained_and_closes_when_it_is_filled(node: Anvil, executor: Executor) -> None:
    first, second = increment(executor), increment(executor, key="k2")
    Chain.objects.update(max_fee_per_gas=1)
    turn(first)  # it has nonce 0, and costs too much
    Chain.objects.update(max_fee_per_gas=10**12)
    drive(second, "broadcast")
    assert (first.status, first.nonce, second.nonce) == ("reserved", 0, 1)
    found = look(executor)
    assert found == {
        "held": f"Transaction #{first.pk} has nonce 0 and is not signed; transaction #{second.pk} waits behind it."
    }
    Executor.objects.update(enabled=False)
    due_now(first)
    drive(first, "unknown")
    assert "waits for a person's decision" in look(executor)["held"]
    Executor.objects.update(enabled=True)
    services.resolve(transaction=first, choice=services.GIVE_UP, actor="user:1")
    found = look(executor)
    assert set(found) == {"gap"}
    assert found["gap"].startswith(f"Nothing holds nonce 0, and transaction #{second.pk} waits behind it.")
    assert alarms(executor, "executor_gap") == [("SEV3", False)]
    executor.refresh_from_db()
    filler = services.fill_gap(executor=executor, actor="user:1")
    assert services.fill_gap(executor=executor, actor="user:1") == filler
    drive(filler, "mined")
    assert (filler.nonce, filler.to, filler.value) == (0, executor.address, 0)
    drive(second, "mined")
    assert look(executor) == {}
    assert alarms(executor, "executor_gap") == [("SEV3", False), ("SEV3", True)]
    with pytest.raises(Refused, match="no gap"):
        services.fill_gap(executor=executor, actor="user:1")


def test_one_that_waits_behind_another_says_so(node: Anvil, executor: Executor) -> None:
    Chain.objects.update(stuck_blocks=2)
    node.rpc("evm_setAutomine", False)
    first, second = increment(executor), increment(executor, key="k2")
    for tx in (first, second):
        drive(tx, "broadcast")
        drive(tx, lambda one: one.sent_block is not None)
    for _ in range(2):
        node.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
        node.rpc("evm_mine")
    for tx in (first, second):
        due_now(tx)
        turn(tx)
    why = {tx.pk: Event.objects.get(verb="transaction.stuck", subject=tx.subject).reason for tx in (first, second)}
    assert "the base fee is" in why[first.pk]
    assert why[second.pk] == "not mined for 2 blocks: it waits behind nonce 0, which is not mined either"


def test_low_balance_is_computed_from_the_fees_or_set_and_cleared_when_funded(node: Anvil, executor: Executor) -> None:
    client = client_for(executor.chain)
    watching.look_at_fees(executor.chain, client)
    assert look(executor) == {}
    wanted = watching.wanted_balance(executor)
    base, tip = executor.chain.base_fee, executor.chain.tip
    assert base is not None
    assert wanted == 6_000_000 * (2 * base + (tip or 0)) > 0
    node.rpc("anvil_setBalance", executor.address, hex(wanted - 1))
    for _ in range(2):
        look(executor)
    assert alarms(executor, "executor_balance") == [("SEV3", False)]
    Chain.objects.update(low_balance=wanted - 1)  # the chain's own limit goes before what is computed
    executor.chain.refresh_from_db()
    look(executor)
    assert alarms(executor, "executor_balance")[-1] == ("SEV3", True)
    Executor.objects.update(low_balance=10**19 + 1)  # and the executor's own before the chain's
    executor.refresh_from_db()
    node.rpc("anvil_setBalance", executor.address, hex(10**19))
    look(executor)
    assert executor.balance_low is True
    node.rpc("anvil_setBalance", executor.address, hex(10**19 + 1))
    look(executor)
    assert executor.balance_low is False


def test_a_lying_endpoint_alone_raises_no_alarm_about_nonces(node: Anvil, executor: Executor) -> None:
    look(executor)
    with RpcProxy(node.url) as liar:
        executor.chain.endpoints.create(url=liar.url, priority=0)
        liar.add(Rewrite(methods=("eth_getTransactionCount",), path="result", value="0x9"))
        assert look(executor) == {}
        tx = drive(increment(executor), "mined")
        assert tx.nonce == 0
        once(node, executor, tx)
