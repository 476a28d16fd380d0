"""Executors and chains of different worlds never meet, and a key shows nowhere."""

import pytest

from integrations.chain.models import Chain, Executor
from integrations.chain.transactions import services
from integrations.devnet.anvil import Anvil
from integrations.devnet.chain import KEYS
from ledger.errors import Invalid, Refused
from ledger.models import Event
from tests.chain.transactions import (
    COUNTER,
    drive,
    increment,
    nonce_on_chain,
)

pytestmark = pytest.mark.django_db(transaction=True)


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
