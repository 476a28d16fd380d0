"""Every monitor on a real chain: quiet at a near miss, firing within two blocks of its fault, one alert through a reorg
of the block it fired on, clear when cured."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db.models import Q

from incidents.alerts.models import Alert
from incidents.incidents.models import Incident
from incidents.monitors import MONITORS
from incidents.watch import chain_watch
from incidents.watch.chain_watch import ChainWatch
from incidents.watch.lease import take
from incidents.watch.models import Monitor
from incidents.watch.services import save_monitor
from incidents.watch.trying import filled_in
from integrations.chain.client import client_for
from integrations.chain.models import Chain, Endpoint
from integrations.devnet.faults import World
from integrations.devnet.faults.board import FaultBoard
from integrations.devnet.proxy import RpcProxy
from ledger.models import Event
from tests.audiences import load_audiences
from tests.chain.conftest import Devnet
from tests.chain.monitor_cases import CASES, Case, Stage, steady_prices
from tests.drain import settle
from work import hints

pytestmark = pytest.mark.django_db(transaction=True)
WATCHED = ("alert.raised", "incident.opened", "incident.alert.joined", "message.addressed", "page.opened")


@pytest.fixture
def stage(
    devnet: Devnet,
    rpc_proxy: RpcProxy,
    settings: Any,
    tmp_path: Path,
    live_server: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)
    monkeypatch.setattr(chain_watch, "PULSE", 0.0)
    settings.STATE_DIR = tmp_path
    settings.OUTGOING_ALLOW = [live_server.url.removeprefix("http://")]
    chain = Chain.objects.create(
        chain_id=devnet.deployment.chain_id, name="Devnet", short_name="devnet", kind="devnet", block_time=1
    )
    Endpoint.objects.create(chain=chain, url=devnet.url, label="anvil", timeout=5)
    load_audiences("system:test")
    world = World(devnet.rpc, devnet.deployment, FaultBoard(tmp_path))
    devnet.rpc("evm_setAutomine", False)
    try:
        made = Stage(devnet, chain, world, rpc_proxy, f"{live_server.url}/devnet/interface/")
        steady_prices(made)
        yield made
    finally:
        devnet.rpc("evm_setAutomine", True)


def watched(stage: Stage, case: Case) -> tuple[Monitor, ChainWatch]:
    kind = MONITORS[case.kind]
    monitor = save_monitor(
        slug=case.kind.replace("_", "-"),
        name=kind.label,
        kind=case.kind,
        config=filled_in(case.kind, case.config(stage), stage.chain),
        chain=stage.chain,
        severity="SEV2",
        failure_mode="anything",
        actor="system:test",
    )
    held = take("test")
    assert held is not None
    return monitor, ChainWatch(stage.chain, held)


def look(watch: ChainWatch) -> None:
    watch.step()
    settle(("notify.delivery",))


def told() -> dict[str, int]:
    """What people hear of; a deep reorg is an alert of its own as well, and not this monitor's."""
    events = Event.objects.exclude(Q(after__has_key="key") & Q(after__key__startswith="reorg:"))
    return {verb: events.filter(verb=verb).count() for verb in WATCHED}


def alerts(kind: str) -> Any:
    return Alert.objects.filter(key__startswith=f"{kind}:") | Alert.objects.filter(key__startswith=f"{kind}@")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_it_fires_on_its_fault_and_on_nothing_else(stage: Stage, case: Case) -> None:
    with time_machine.travel(datetime.now(UTC), tick=True) as stage.clock:
        _all_of_it(stage, case)


def _all_of_it(stage: Stage, case: Case) -> None:
    case.before(stage)
    monitor, watch = watched(stage, case)
    look(watch)
    stage.mine()
    look(watch)
    monitor.refresh_from_db()
    assert monitor.state == "calm", monitor.reading

    case.near(stage)
    look(watch)
    assert told() == dict.fromkeys(WATCHED, 0), "a near miss"
    case.spare(stage)
    look(watch)

    case.fault(stage)
    began = stage.devnet.rpc.block_number()
    look(watch)
    while not alerts(case.kind).exists() and stage.devnet.rpc.block_number() < began + 2:
        stage.mine()
        look(watch)
    monitor.refresh_from_db()
    assert monitor.breached, "within two blocks"
    alert, incident = alerts(case.kind).get(), Incident.objects.get()
    assert (alert.status, alert.monitor, alert.incident) == ("firing", monitor, incident)
    assert alert.key.endswith(f"@{stage.chain.chain_id}") and alert.key.startswith(case.kind)
    once = told()
    assert once["page.opened"] == 1

    _replaced(stage, case, watch, monitor)
    assert told() == once and alerts(case.kind).get().status == "firing", "a reorg of its block is no second alert"

    case.cure(stage)
    look(watch)
    case.after(stage)
    stage.mine()
    look(watch)
    monitor.refresh_from_db()
    assert monitor.state == "calm", monitor.reading
    assert alerts(case.kind).get().status == "cleared" and told() == once


def _replaced(stage: Stage, case: Case, watch: ChainWatch, monitor: Monitor) -> None:
    """The block that it fired on is gone, and what was in it comes back a little later."""
    assert monitor.changed_block is not None
    head = client_for(stage.chain).block_number()
    stage.devnet.rpc("anvil_reorg", max(1, head - monitor.changed_block + 1), [])
    look(watch)
    (case.again or case.fault)(stage)
    look(watch)
    stage.mine(4)
    look(watch)


def test_every_kind_has_a_case() -> None:
    assert {case.kind for case in CASES} == set(MONITORS)
    for _name, kind in MONITORS.items():
        assert kind.fault
