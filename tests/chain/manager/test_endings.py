"""It reverts on the chain, or a person cancels it."""

import pytest

from integrations.chain.models import Executor
from integrations.chain.transactions import services
from integrations.devnet.anvil import Anvil
from ledger.errors import StaleTransition
from tests.chain.transactions import (
    COUNTER,
    count,
    drive,
    increment,
    nonce_on_chain,
)
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)


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
