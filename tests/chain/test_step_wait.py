"""Waiting for blocks and conditions: no worker held, no node asked while the watch has seen nothing new."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.protocols.models import Contract, Protocol
from integrations.chain.heads import advance
from integrations.chain.models import Chain, Head
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import RpcProxy
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import start_run
from tests.chain.transactions import COUNTER, make_chain, put_counter
from tests.drain import settle
from tests.receiver import answer, receiver
from work import leases
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
UNTIL = """\
playbook: until
title: Until it is so
summary: Waits for a condition.
inputs:
  counter: {type: contract}
steps:
  - id: ready
    wait:
      until:
        reads: {count: {on: "${{ inputs.counter }}", call: count() returns (uint256)}}
        that: count >= 1
    timeout: 10m
"""
BLOCKS = UNTIL.split("    wait:")[0] + '    wait: {blocks: 3, on: "${{ inputs.counter }}"}\n    timeout: 10m\n'
# answers slot 0
READER = "0x5f545f5260205ff3"


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    leases.Heart.BEAT = 0.1
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def proxy(anvil: Anvil) -> Iterator[RpcProxy]:
    put_counter(anvil.rpc)
    anvil.rpc("anvil_setCode", COUNTER, READER)
    with RpcProxy(anvil.url) as made:
        yield made


@pytest.fixture
def chain(proxy: RpcProxy) -> Chain:
    made = make_chain(proxy.url)
    protocol = Protocol.objects.create(slug="p", name="P")
    Contract.objects.create(protocol=protocol, chain=made, address=COUNTER, name="Counter", role="vault")
    return made


def start(yaml: str = UNTIL, **kw: Any) -> Run:
    version = save_version(yaml=yaml, actor="user:1")
    run = start_run(playbook=version, inputs={"counter": COUNTER}, scope=None, actor="user:1", **kw)
    settle()
    return run


def step() -> StepRun:
    return StepRun.objects.select_related("run").get()


def turn() -> None:
    Work.objects.filter(status="waiting").update(run_at=timezone.now())
    settle()


def asked(proxy: RpcProxy) -> int:
    return sum(1 for seen in proxy.journal() if seen.method == "eth_call")


def test_it_waits_until_it_is_so_and_says_what_it_read(chain: Chain, anvil: Anvil) -> None:
    start()
    assert step().status == "waiting" and Work.objects.get(kind="runbooks.step").status == "waiting"
    assert step().reason.startswith("not yet: count is 0 at block ")
    turn()
    assert step().status == "waiting" and step().tries == 0
    anvil.rpc("anvil_setStorageAt", COUNTER, "0x" + "00" * 32, "0x" + f"{7:064x}")
    turn()
    assert (step().status, step().run.status, step().output["count"]) == ("done", "done", "7")


def test_no_node_is_asked_again_before_the_watch_has_a_new_block(chain: Chain, anvil: Anvil, proxy: RpcProxy) -> None:
    Chain.objects.filter(pk=chain.pk).update(block_time=60)  # so that the watch counts as awake on a slow machine too
    anvil.rpc("evm_mine")
    advance(chain)
    start()
    before = asked(proxy)
    for _ in range(3):
        turn()
    assert step().status == "waiting" and asked(proxy) == before
    anvil.rpc("anvil_setStorageAt", COUNTER, "0x" + "00" * 32, "0x" + f"{1:064x}")
    anvil.rpc("evm_mine")
    advance(chain)
    turn()
    assert step().status == "done" and asked(proxy) == before + 1


def test_a_watch_that_stopped_is_not_believed(chain: Chain, anvil: Anvil, proxy: RpcProxy) -> None:
    anvil.rpc("evm_mine")
    advance(chain)
    start()
    before = asked(proxy)
    Head.objects.update(seen_at=timezone.now() - timedelta(minutes=5))
    turn()
    assert asked(proxy) == before + 1


def test_a_dead_chain_is_waited_for(chain: Chain, anvil: Anvil, proxy: RpcProxy) -> None:
    for endpoint in chain.endpoints.all():
        endpoint.url = "http://127.0.0.1:9/"
        endpoint.save()
    start()
    assert step().status == "waiting" and "gave no usable answer" in step().reason
    for endpoint in chain.endpoints.all():
        endpoint.url = proxy.url
        endpoint.save()
    anvil.rpc("anvil_setStorageAt", COUNTER, "0x" + "00" * 32, "0x" + f"{1:064x}")
    turn()
    assert step().status == "done"


def test_its_timeout_ends_it_with_the_last_values(chain: Chain) -> None:
    start()
    StepRun.objects.update(started_at=timezone.now() - timedelta(minutes=11))
    turn()
    assert step().status == "failed" and step().reason.startswith("not finished within 10m: not yet: count is 0")


def test_it_waits_for_blocks_from_the_head_it_began_at(chain: Chain, anvil: Anvil) -> None:
    start(BLOCKS)
    begun = int(anvil.rpc("eth_blockNumber"), 16)
    assert step().reason == f"until block {begun + 3}; it is {begun}"
    for _ in range(2):
        anvil.rpc("evm_mine")
    turn()
    assert step().status == "waiting" and step().output["target"] == begun + 3
    anvil.rpc("evm_mine")
    turn()
    assert (step().status, step().output["block"]) == ("done", str(begun + 3))


def test_a_drill_waits_for_no_live_chain(chain: Chain) -> None:
    Chain.objects.update(kind="live")
    start(BLOCKS, environment="drill")
    assert step().status == "failed" and "cannot be reached from a drill" in step().reason


def test_an_api_is_asked_every_so_often(settings: Any) -> None:
    with receiver(answer(200, {"state": "major"})) as there:
        settings.OUTGOING_ALLOW = [there.place]
        there.otherwise = answer(200, {"state": "none"})
        yaml = f"""\
playbook: calm
title: Until it is calm
summary: Waits for a status page.
steps:
  - id: calm
    wait:
      until:
        http: {{url: "{there.url}/status", extract: {{state: {{path: state, type: text}}}}}}
        that: state == "none"
      every: 2m
"""
        version = save_version(yaml=yaml, actor="user:1")
        start_run(playbook=version, inputs={}, scope=None, actor="user:1")
        settle()
        assert "state is major" in step().reason
        due = Work.objects.get(kind="runbooks.step").run_at
        assert due is not None and timedelta(seconds=40) < due - timezone.now() < timedelta(seconds=121)
        turn()
        assert (step().status, step().output["state"]) == ("done", "none")
