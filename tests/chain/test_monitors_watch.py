"""The watch on a real chain: fires within two blocks of the fault, clears when cured, survives a reorg."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import QuerySet

from incidents.alerts.models import Alert
from incidents.incidents.models import Incident
from incidents.monitors import Blind
from incidents.watch import chain_watch, events
from incidents.watch.asking import Read
from incidents.watch.evaluate import Evaluation, Result, evaluate, name_of, prepare
from incidents.watch.feeds import latest, read_round
from incidents.watch.lease import LostWatch, take
from incidents.watch.models import Monitor, WatchedBlock, WatchLease
from incidents.watch.reading import Questions, Reader
from incidents.watch.runner import ChainWatch, Watcher
from incidents.watch.services import save_monitor
from incidents.watch.writing import write_down
from integrations.chain.client import RpcError, client_for
from integrations.chain.hashing import keccak
from integrations.chain.models import Chain, Endpoint
from integrations.devnet import prices
from integrations.devnet.abi import calldata
from integrations.devnet.faults.acting import act
from integrations.devnet.proxy import Error, RpcProxy
from ledger.models import Event
from notify.models import Message
from tests.audiences import load_audiences
from tests.chain.conftest import Devnet
from tests.drain import settle
from work import hints

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)


@pytest.fixture
def chain(devnet: Devnet) -> Chain:
    chain = Chain.objects.create(chain_id=devnet.deployment.chain_id, name="Devnet", short_name="devnet", kind="devnet")
    Endpoint.objects.create(chain=chain, url=devnet.url, label="anvil")
    load_audiences("system:test")
    return chain


@pytest.fixture
def monitor(devnet: Devnet, chain: Chain) -> Monitor:
    feed = devnet.deployment.feeds[0]
    return save_monitor(
        slug="oracle-stale",
        name="HLX/USD is fresh",
        kind="oracle_stale",
        config={"feed": feed.address, "name": feed.name, "heartbeat": feed.heartbeat},
        chain=chain,
        severity="SEV1",
        failure_mode="stale-oracle",
        actor="system:test",
    )


@pytest.fixture
def watch(chain: Chain, monitor: Monitor) -> Iterator[ChainWatch]:
    held = take("test")
    assert held is not None
    one = ChainWatch(chain, held)
    one.step()
    yield one


def look(watch: ChainWatch) -> int:
    count = watch.step()
    settle()
    return count


def stale(devnet: Devnet) -> int:
    """The chain's clock passes the heartbeat; returns the first bad block's number."""
    feed = devnet.deployment.feeds[0]
    devnet.rpc("evm_mine", prices.latest(devnet.rpc, feed).updated_at + feed.heartbeat + 1)
    return int(devnet.rpc("eth_blockNumber"), 16)


def fired() -> QuerySet[Alert]:
    """What the monitor raised; that nobody is there to be paged is an alert as well."""
    return Alert.objects.filter(monitor__isnull=False)


def cure(devnet: Devnet) -> None:
    feed = devnet.deployment.feeds[0]
    prices.publish(devnet.rpc, feed, prices.latest(devnet.rpc, feed).price)
    devnet.rpc("evm_mine")


def test_it_fires_once_opens_an_incident_and_clears_when_cured(devnet: Devnet, watch: ChainWatch) -> None:
    look(watch)
    assert not fired().exists()
    bad = stale(devnet)
    assert look(watch) == 1
    alert, incident = fired().get(), Incident.objects.get()
    assert alert.key == f"oracle_stale:{devnet.deployment.feeds[0].address.lower()}@{devnet.deployment.chain_id}"
    assert (alert.status, alert.severity, alert.incident) == ("firing", "SEV1", incident)
    assert (incident.severity, incident.status, incident.failure_mode) == ("SEV1", "triage", "stale-oracle")
    assert incident.first_bad_block == bad and incident.title.startswith("Stale oracle")
    assert incident.first_bad_at and incident.detected_at and incident.first_bad_at <= incident.detected_at
    for _ in range(3):
        devnet.rpc("evm_mine")
        look(watch)
    assert fired().count() == 1 and Incident.objects.count() == 1
    cure(devnet)
    look(watch)
    assert fired().get().status == "cleared"
    assert Incident.objects.get().status == "triage", "people end an incident, not a feed"
    stale(devnet)
    look(watch)
    assert fired().filter(status="firing").count() == 1 and Incident.objects.count() == 1, "it joins the open one"


def test_a_near_miss_stays_quiet(devnet: Devnet, watch: ChainWatch) -> None:
    feed = devnet.deployment.feeds[0]
    devnet.rpc("evm_mine", prices.latest(devnet.rpc, feed).updated_at + feed.heartbeat)
    look(watch)
    assert not fired().exists() and not Monitor.objects.get().breached


def test_the_first_bad_block_is_found_after_the_watch_was_down(devnet: Devnet, watch: ChainWatch) -> None:
    bad = stale(devnet)
    for _ in range(80):
        devnet.rpc("evm_mine")
    look(watch)
    assert Incident.objects.get().first_bad_block == bad


def test_each_block_is_evaluated_once_by_whoever_watches(devnet: Devnet, watch: ChainWatch) -> None:
    for _ in range(4):
        devnet.rpc("evm_mine")
    assert watch.step() == 4 and watch.step() == 0
    assert ChainWatch(watch.chain, watch.held).step() == 0, "a restart does not look again"
    numbers = list(WatchedBlock.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(numbers[0], numbers[0] + 5))


def test_a_reorg_of_the_block_it_fired_on_does_not_double_it(devnet: Devnet, watch: ChainWatch) -> None:
    for _ in range(3):
        devnet.rpc("evm_mine")
    watch.step()
    stale(devnet)
    look(watch)
    assert fired().count() == 1
    devnet.rpc("anvil_reorg", 2, [])
    assert look(watch) >= 1
    assert Event.objects.get(verb="head.reorged").after["depth"] >= 1
    assert Event.objects.filter(verb="monitor.breached").count() <= 2
    devnet.rpc("evm_mine")
    look(watch)
    assert Incident.objects.count() == 1
    assert fired().filter(status="firing", key__startswith="oracle_stale").count() <= 1


def test_what_cannot_be_judged_is_an_alert_of_its_own(devnet: Devnet, watch: ChainWatch, monitor: Monitor) -> None:
    saved = save_monitor(
        slug="nowhere",
        name="A feed that is not there",
        kind="oracle_stale",
        config={"feed": "0x" + "99" * 20, "name": "NONE", "heartbeat": 60},
        chain=watch.chain,
        failure_mode="stale-oracle",
        severity="SEV1",
        actor="system:test",
    )
    devnet.rpc("evm_mine")
    look(watch)
    saved.refresh_from_db()
    assert saved.blind and not saved.breached
    alert = fired().get()
    assert (alert.key, alert.severity, alert.incident) == ("monitor_blind:nowhere", "SEV3", None)
    assert "cannot be judged" in alert.title
    for _ in range(2):
        look(watch)
    told = Message.objects.get(key=f"alert-seen:{alert.pk}")
    assert told.subject_line == f"SEV3 {alert.title}" and told.audience and told.audience.slug == "responders"


def test_one_dead_monitor_does_not_hold_up_the_others(devnet: Devnet, watch: ChainWatch, monitor: Monitor) -> None:
    Monitor.objects.create(slug="odd", name="Odd", kind="no_such_kind", config={}, chain=watch.chain)
    stale(devnet)
    look(watch)
    assert Monitor.objects.get(slug="odd").blind
    assert Monitor.objects.get(slug="oracle-stale").breached


def test_an_endpoint_that_is_away_is_waited_for(
    devnet: Devnet, rpc_proxy: RpcProxy, watch: ChainWatch, monitor: Monitor
) -> None:
    Endpoint.objects.update(url="http://127.0.0.1:9")
    devnet.rpc("evm_mine")
    with pytest.raises(RpcError):
        ChainWatch(Chain.objects.get(), watch.held).step()
    assert not Monitor.objects.get().blind, "nobody answering is not the feed's fault"
    Endpoint.objects.update(url=rpc_proxy.url)
    assert ChainWatch(Chain.objects.get(), watch.held).step() == 1


def test_no_event_is_missed_whoever_was_silent(
    devnet: Devnet, rpc_proxy: RpcProxy, watch: ChainWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that gives no events for a block, a restart meanwhile, and then a node that gives only a few at once."""
    there = devnet.deployment
    config = {"contract": there.vault, "name": "HelixVault", "roles": ["UPGRADER_ROLE"]}
    about = {"slug": "roles", "name": "Roles", "kind": "role_changed", "chain": watch.chain, "severity": "SEV1"}
    monitor = save_monitor(**about, config=config, actor="system:test")  # type: ignore[arg-type]  # each its own
    Endpoint.objects.update(url=rpc_proxy.url)
    monkeypatch.setattr(events, "FARTHEST", 2)
    monkeypatch.setattr(events, "MOST_ASKS", 2)

    def said(blocks: int = 1) -> tuple[bool, bool]:
        for _ in range(blocks):
            devnet.rpc("evm_mine")
        ChainWatch(Chain.objects.get(), watch.held).step()  # each time another process
        monitor.refresh_from_db()
        return monitor.blind, monitor.breached

    assert said() == (False, False)
    refusing = rpc_proxy.add(Error(methods=["eth_getLogs"], message="query returned more than 10000 results"))
    data = calldata("grantRole(bytes32,address)", keccak(b"UPGRADER_ROLE"), "0x" + "99" * 20)
    act(devnet.rpc, there.timelock, there.vault, data)
    assert said(3) == (True, False)
    assert said() == (True, False)
    rpc_proxy.remove(refusing)
    monkeypatch.setattr(chain_watch, "MOST_BLOCKS", 1)
    seen = [said(8) for _ in range(2)] + [said() for _ in range(8)]
    assert seen[-1] == (False, True) and (False, False) not in seen, "calm is not said before everything was heard"
    settle()
    assert fired().get(status="firing").title.startswith("HelixVault: granted UPGRADER_ROLE 0x9999")


def test_only_one_process_watches_and_the_loser_can_write_nothing(devnet: Devnet, watch: ChainWatch) -> None:
    assert take("other") is None

    def asked(holder: str) -> object:
        try:
            return take(holder)
        finally:
            connection.close()

    with ThreadPoolExecutor() as beside:
        with watch.held.commit():
            kept = beside.submit(asked, watch.held.holder)
            assert beside.submit(asked, "other").result() is None, "nobody waits for the watch of another"
        assert kept.result() == watch.held, "who watches keeps the watch while it writes"
    WatchLease.objects.update(until="2020-01-01T00:00:00Z")
    other = take("other")
    assert other is not None and other.fence == watch.held.fence + 1
    stale(devnet)
    with pytest.raises(LostWatch):
        watch.step()
    assert not Event.objects.filter(verb="monitor.breached").exists()
    assert ChainWatch(watch.chain, other).step() == 1
    assert Event.objects.filter(verb="monitor.breached").count() == 1


def test_a_hundred_monitors_are_one_exchange(devnet: Devnet, rpc_proxy: RpcProxy, watch: ChainWatch) -> None:
    feed = devnet.deployment.feeds[0]
    config = {"feed": feed.address, "name": feed.name, "heartbeat": feed.heartbeat}
    monitors = [Monitor(pk=n, slug=str(n), name="x", kind="oracle_stale", config=config) for n in range(1, 101)]
    Endpoint.objects.update(url=rpc_proxy.url)
    client = client_for(Chain.objects.get())
    evaluation = evaluate(client, client.existing_block("latest"), prepare(monitors, Chain.objects.get()))
    assert len(evaluation.results) == 100
    assert not any(isinstance(result.verdict, Blind) for result in evaluation.results)


def moves(devnet: Devnet, chain: Chain) -> Monitor:
    """How much the price moves, which nobody can tell without a past."""
    feed = devnet.deployment.feeds[0]
    config = {"feed": feed.address, "name": feed.name, "window": 600}
    named = {"slug": "moves", "name": "It moves", "kind": "volatility"}
    return save_monitor(**named, config=config, chain=chain, actor="system:test")  # type: ignore[arg-type]  # all text


def read_at_last(monitor: Monitor) -> int:
    said = WatchedBlock.objects.order_by("-pk")[0].readings[name_of(monitor.pk)]
    return int(said[1]["volatility_bps"])


def test_what_was_kept_outlives_a_restart_and_not_a_reorg(devnet: Devnet, watch: ChainWatch) -> None:
    monitor, feed = moves(devnet, watch.chain), devnet.deployment.feeds[0]
    devnet.rpc("evm_mine")
    watch.step()
    price = prices.latest(devnet.rpc, feed).price
    prices.publish(devnet.rpc, feed, price * 12 // 10)
    jumped = devnet.rpc.block_number()
    devnet.rpc("evm_mine")  # whether or not the price has its block by now, it has by this one
    watch.step()
    assert read_at_last(monitor) == 2000
    devnet.rpc("evm_mine")
    assert ChainWatch(watch.chain, watch.held).step() == 1
    assert read_at_last(monitor) == 2000, "another process goes on from the same past"
    devnet.rpc("anvil_reorg", devnet.rpc.block_number() - jumped + 1, [])
    assert watch.step() >= 1
    assert read_at_last(monitor) == 0, "what was read at a block that is gone was never there"
    assert Monitor.objects.get(pk=monitor.pk).breached, "held for a moment: it may come back"
    for _ in range(4):
        devnet.rpc("evm_mine")
    watch.step()
    assert not Monitor.objects.get(pk=monitor.pk).breached


def test_a_bundle_says_what_the_calls_say_and_one_greedy_call_spoils_nothing(devnet: Devnet, chain: Chain) -> None:
    feeds, greedy = devnet.deployment.feeds, "0x" + "64" * 20
    devnet.rpc("anvil_setCode", greedy, "0x5b5f56")  # jumps to where it is until the gas is gone
    reads = [latest(feed.address) for feed in feeds] + [latest(devnet.deployment.usd), Read("0x" + "77" * 20, b"")]
    client = client_for(chain)
    block = client.existing_block("latest")
    bundled = Reader().ask(client, block, Questions([*reads, latest(greedy)]))
    single = {read: Reader().ask(client, block, Questions([read]))[read] for read in reads}
    assert bundled == {**single, latest(greedy): None}
    assert [read_round(bundled[read]) is not None for read in reads] == [True, True, False, False]


def test_the_running_watch_notices_by_itself_and_ends_when_told(devnet: Devnet, watch: ChainWatch) -> None:
    WatchLease.objects.update(until="2020-01-01T00:00:00Z")
    watcher = Watcher()
    watcher.holder = "thread"
    thread = threading.Thread(target=_run, args=(watcher,))
    thread.start()
    try:
        for _ in range(40):
            if WatchLease.objects.get().holder == "thread":
                break
            threading.Event().wait(0.1)
        stale(devnet)
        for _ in range(40):
            if Monitor.objects.get().breached:
                break
            threading.Event().wait(0.1)
        assert Monitor.objects.get().breached
    finally:
        watcher.stop()
        thread.join(10)
    assert not thread.is_alive()


def _run(watcher: Watcher) -> None:
    from django.db import connection

    while not watcher.stopping.is_set():
        watcher._tend()
        watcher.stopping.wait(0.2)
    for thread in watcher.threads.values():
        thread.join(5)
    connection.close()


def test_who_sees_the_newest_block_is_not_blind_for_a_late_one(devnet: Devnet, watch: ChainWatch) -> None:
    monitor, client = Monitor.objects.get(), client_for(watch.chain)
    for late in (True, False):
        devnet.rpc("evm_mine")
        result = Result(monitor, Blind("the node keeps no state of it"), "")
        told = Evaluation(client.existing_block("latest"), (result,), 0)
        assert write_down(watch.held, watch.chain, told, late=late)
        assert Monitor.objects.get().blind is not late
