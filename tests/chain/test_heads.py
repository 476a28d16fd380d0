"""Following heads, reorgs and endpoints on a real node."""

import time
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from integrations.chain import endpoints, heads
from integrations.chain.client import client_for
from integrations.chain.demo import load
from integrations.chain.heads import NewHead, Reorg, advance
from integrations.chain.models import Chain, Executor, Head
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import HangUp, Lag, Rewrite, RpcProxy, Stall
from integrations.tasks import look
from ledger.models import Event
from tests.chain.transactions import make_chain, make_executor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chain(anvil: Anvil) -> Chain:
    anvil.rpc("anvil_mine", "0x5")
    return make_chain(anvil.url)


@pytest.fixture
def proxy(anvil: Anvil) -> Iterator[RpcProxy]:
    with RpcProxy(anvil.url) as running:
        yield running


def remembered(chain: Chain) -> list[int]:
    return list(Head.objects.filter(chain=chain).order_by("number").values_list("number", flat=True))


def test_every_block_once_in_order(anvil: Anvil, chain: Chain) -> None:
    at = anvil.rpc.block_number()
    assert [one.number for one in advance(chain) if isinstance(one, NewHead)] == [at]
    assert advance(chain) == []
    anvil.rpc("anvil_mine", "0x4")
    assert [one.number for one in advance(chain) if isinstance(one, NewHead)] == [at + n for n in (1, 2, 3, 4)]
    newest = heads.newest(chain)
    assert newest is not None
    assert newest.number == at + 4


@pytest.mark.parametrize("depth", [1, 3])
def test_a_reorg_is_seen_with_its_depth(anvil: Anvil, chain: Chain, depth: int) -> None:
    advance(chain)
    anvil.rpc("anvil_mine", "0x4")
    advance(chain)
    top = anvil.rpc.block_number()
    anvil.rpc("anvil_reorg", depth, [])
    anvil.rpc("anvil_mine", "0x1")
    reorg, *new = advance(chain)
    assert isinstance(reorg, Reorg)
    assert (reorg.depth, reorg.common) == (depth, top - depth)
    assert [one.number for one in new if isinstance(one, NewHead)] == list(range(top - depth + 1, top + 2))
    event = Event.objects.get(verb="head.reorged")
    assert event.after["depth"] == depth
    assert (event.alarm is not None) == (depth > chain.confirmations)
    if depth >= chain.finality_depth:
        assert event.alarm["severity"] == "SEV1"
    assert advance(chain) == []


def test_a_long_pause_leaves_no_hole(anvil: Anvil, chain: Chain) -> None:
    advance(chain)
    anvil.rpc("anvil_mine", hex(heads.AT_ONCE + 50))
    assert len(advance(chain)) == heads.AT_ONCE
    numbers = remembered(chain)
    assert numbers == list(range(numbers[0], anvil.rpc.block_number() + 1))
    anvil.rpc("anvil_mine", hex(100))
    advance(chain)
    anvil.rpc("anvil_mine", hex(100))
    advance(chain)
    assert len(remembered(chain)) <= heads.KEEP


def test_an_endpoint_that_lags_is_no_reorg(anvil: Anvil, chain: Chain, proxy: RpcProxy) -> None:
    advance(chain)
    anvil.rpc("anvil_mine", "0x4")
    advance(chain)
    chain.endpoints.update(priority=9)
    chain.endpoints.create(url=proxy.url, priority=0)
    proxy.add(Lag(blocks=2))
    assert advance(chain) == []
    assert not Event.objects.filter(verb="head.reorged").exists()


def test_a_chain_that_began_anew_is_followed_again(anvil: Anvil, chain: Chain) -> None:
    start = anvil.rpc("evm_snapshot")
    anvil.rpc("anvil_mine", hex(heads.KEEP + heads.AT_ONCE))
    advance(chain)
    anvil.rpc("evm_revert", start)
    anvil.rpc("anvil_mine", "0x1")
    found = advance(chain)
    assert isinstance(found[0], Reorg)
    assert advance(chain) == []
    newest = heads.newest(chain)
    assert newest is not None
    assert newest.number == anvil.rpc.block_number()


def test_endpoints_are_looked_at_and_a_blind_chain_is_an_alarm(anvil: Anvil, chain: Chain, proxy: RpcProxy) -> None:
    row = chain.endpoints.create(url=proxy.url, priority=5, label="second")
    assert [one.problem for one in endpoints.look_at_endpoints(chain)] == ["", ""]
    proxy.add(HangUp())
    found = {one.name: one for one in endpoints.look_at_endpoints(chain)}
    assert "connection failed" in found["second"].problem
    row.refresh_from_db()
    assert row.problem == found["second"].problem
    assert Event.objects.get(verb="endpoint.failing").after["endpoint"] == "second"
    assert not Event.objects.filter(verb="chain.unreachable").exists()
    chain.endpoints.exclude(pk=row.pk).delete()
    endpoints.look_at_endpoints(chain)
    row.refresh_from_db()
    proxy.clear()
    endpoints.look_at_endpoints(chain)
    assert Event.objects.filter(verb="endpoint.recovered").count() == 1


def test_blind_and_seeing_again(anvil: Anvil, chain: Chain, proxy: RpcProxy) -> None:
    chain.endpoints.all().delete()
    chain.endpoints.create(url=proxy.url)
    proxy.add(HangUp())
    for _ in range(2):
        endpoints.look_at_endpoints(chain)
    proxy.clear()
    for _ in range(2):
        endpoints.look_at_endpoints(chain)
    alarms = Event.objects.filter(verb__startswith="chain.").order_by("pk").values_list("verb", "alarm__cleared")
    assert list(alarms) == [("chain.unreachable", False), ("chain.reachable", True)]


def test_an_endpoint_on_another_branch_is_named(anvil: Anvil, chain: Chain, proxy: RpcProxy) -> None:
    with RpcProxy(anvil.url) as third:
        chain.endpoints.create(url=proxy.url, priority=5, label="liar")
        chain.endpoints.create(url=third.url, priority=6, label="third")
        proxy.add(Rewrite(methods=("eth_getBlockByNumber",), path="result.hash", value="0x" + "66" * 32))
        found = {one.name: one.problem for one in endpoints.glance(chain)}
    assert found["liar"] == "on another branch than the others"
    assert found["third"] == ""


def test_the_demo_loads_again_and_follows_a_port(
    settings: Settings, anvil: Anvil, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DEVNET_RPC_URL = anvil.url
    load("system:demo")
    load("system:demo")
    chain = Chain.objects.get()
    assert chain.endpoints.get().url == anvil.url
    assert Executor.objects.get().environment == "devnet"
    call_command("chain", "status")
    shown = capsys.readouterr().out
    assert "endpoint devnet: block" in shown
    assert "0 in flight" in shown
    settings.DEVNET_ENABLED = False
    Executor.objects.all().delete()
    load("system:demo")
    assert not Executor.objects.exists()


def test_the_regular_look_notes_endpoints_and_balances_and_alarms_once(anvil: Anvil, chain: Chain) -> None:
    executor = make_executor(chain, anvil.rpc)
    for _ in range(2):
        look()
    executor.refresh_from_db()
    assert (executor.balance, executor.chain_nonce) == (10 * 10**18, 0)
    assert chain.endpoints.get().head_number == anvil.rpc.block_number()
    anvil.rpc("anvil_setBalance", executor.address, "0x1")
    for _ in range(2):
        look()
    low = Event.objects.get(verb="executor.balance.low")
    assert low.alarm["key"] == f"executor_balance:{executor.pk}"
    chain.endpoints.update(url="http://127.0.0.1:9")
    look()
    executor.refresh_from_db()
    assert executor.balance == 1  # what was known last


def test_a_dead_endpoint_does_not_slow_down_what_another_answers(anvil: Anvil, chain: Chain, proxy: RpcProxy) -> None:
    chain.endpoints.update(priority=5)
    chain.endpoints.create(url=proxy.url, priority=0, timeout=1)
    proxy.add(Stall(seconds=5))
    client = client_for(chain)
    for _ in range(2):
        client.block_number()
    started = time.monotonic()
    said = client.everyone(lambda one: one.block_number())
    assert time.monotonic() - started < 0.9
    assert len(said) == 1
    assert len(client.everyone(lambda one: one.block_number(), resting=True)) == 2
