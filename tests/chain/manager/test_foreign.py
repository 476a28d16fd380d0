"""Somebody else uses the executor's key: seen, explained, and left to a person."""

import pytest

from integrations.chain.models import Executor
from integrations.chain.transactions import services
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import HangUp, RpcProxy
from ledger.errors import Invalid, Refused
from ledger.models import Event
from tests.chain.transactions import (
    count,
    drive,
    foreign,
    increment,
    nonce_on_chain,
)
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
SEND = ("eth_sendRawTransaction",)


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
