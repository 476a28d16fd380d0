"""Monitors as people make them: a form drawn from the kind, tried on the past, muted, switched, changed by the API."""

from typing import Any

import pytest
from django.test import Client

from incidents.alerts.models import Alert
from incidents.watch.chain_watch import ChainWatch
from incidents.watch.lease import take
from incidents.watch.models import Monitor
from integrations.chain.models import Chain, Endpoint
from integrations.devnet import prices
from integrations.devnet.helix import HLX_USD
from ledger.models import Event
from tests.audiences import load_audiences
from tests.chain.conftest import Devnet
from tests.drain import settle
from tests.people import browser_of, caller, person
from work import hints

pytestmark = pytest.mark.django_db(transaction=True)
ROOM = "/incidents/monitors/"


@pytest.fixture
def chain(devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)
    chain = Chain.objects.create(chain_id=devnet.deployment.chain_id, name="Devnet", short_name="devnet", kind="devnet")
    Endpoint.objects.create(chain=chain, url=devnet.url, label="anvil")
    load_audiences("system:test")
    return chain


def filled(chain: Chain, slug: str, **config: Any) -> dict[str, Any]:
    common = {"title": "Watched", "slug": slug, "chain": chain.pk, "severity": "SEV2", "enabled": "on", "do": "save"}
    return common | {f"config-{name}": value for name, value in config.items()}


def look(watch: ChainWatch) -> None:
    watch.step()
    settle(("notify.delivery",))


def test_made_tried_muted_switched_and_changed(devnet: Devnet, chain: Chain) -> None:
    ana = person("ana", "commander")
    page, api = browser_of(ana), caller(ana)
    _a_jump(devnet)
    feed = devnet.deployment.feed(HLX_USD)
    wanted = {"feed": feed.address, "name": HLX_USD, "window": "60", "limit_bps": "500"}
    _made_in_the_page(page, chain, wanted)
    _told_when_the_mute_ends(devnet, chain, page, api)
    _changed_through_the_api(devnet, chain, api)


def _a_jump(devnet: Devnet) -> None:
    feed = devnet.deployment.feed(HLX_USD)
    price = prices.latest(devnet.rpc, feed).price
    for answer in (price, price * 12 // 10, price):
        prices.publish(devnet.rpc, feed, answer)
        devnet.rpc("evm_mine")
    devnet.rpc("evm_mine", devnet.rpc.timestamp() + 61)


def _made_in_the_page(page: Client, chain: Chain, wanted: dict[str, str]) -> None:
    assert "Realised volatility" in page.get(f"{ROOM}new/").content.decode()
    wrong = page.post(f"{ROOM}new/volatility/", filled(chain, "moves", **{**wanted, "limit_bps": "0"}))
    assert wrong.status_code == 400 and "greater than or equal to 1" in wrong.content.decode()
    said = page.post(f"{ROOM}new/volatility/", {**filled(chain, "moves", **wanted), "do": "try"}).content.decode()
    assert "1 alert" in said and "is volatile" in said and "<svg" in said and not Monitor.objects.exists()
    assert page.post(f"{ROOM}new/volatility/", filled(chain, "new", **wanted)).status_code == 400
    assert page.post(f"{ROOM}new/volatility/", filled(chain, "moves", **wanted)).status_code == 302
    again = page.post(f"{ROOM}new/volatility/", filled(chain, "other", **wanted)).content.decode()
    assert "watches this already" in again and Monitor.objects.count() == 1
    assert Event.objects.get(verb="monitor.created").after["config"]["limit_bps"] == 500


def _told_when_the_mute_ends(devnet: Devnet, chain: Chain, page: Client, api: Any) -> None:
    held = take("test")
    assert held is not None
    watch = ChainWatch(chain, held)
    devnet.rpc("evm_mine")
    look(watch)
    assert page.post(f"{ROOM}moves/mute/", {"minutes": "30", "reason": "the feed is moved"}).status_code == 302
    _a_jump_now(devnet, 12)
    look(watch)
    monitor = Monitor.objects.get()
    assert monitor.breached and monitor.muted and not monitor.told and not Alert.objects.exists()
    seen = page.get(f"{ROOM}moves/").content.decode()
    assert "the feed is moved" in seen and "firing" in seen and "<dt>volatility</dt>" in seen
    assert api.post("/api/v1/monitors/moves/mute/", {"minutes": 0}, format="json").status_code == 200
    devnet.rpc("evm_mine")
    look(watch)
    assert Alert.objects.get().status == "firing", "what began while it was muted is told when that ends"
    assert " % of 5.00 %" in page.get(ROOM).content.decode()
    assert page.post(f"{ROOM}moves/switch/", {"enabled": "no"}).status_code == 302
    settle(("notify.delivery",))
    assert Alert.objects.get().status == "cleared" and Monitor.objects.get().state == "off"


def _a_jump_now(devnet: Devnet, tenths: int) -> None:
    feed = devnet.deployment.feed(HLX_USD)
    prices.publish(devnet.rpc, feed, prices.latest(devnet.rpc, feed).price * tenths // 10)
    devnet.rpc("evm_mine")


def _changed_through_the_api(devnet: Devnet, chain: Chain, api: Any) -> None:
    deployment = devnet.deployment
    body = {"slug": "code", "name": "Code", "kind": "implementation_changed", "chain": chain.chain_id}
    body["config"] = {"proxy": deployment.vault, "name": "HelixVault"}
    made = api.post("/api/v1/monitors/", body, format="json")
    assert made.status_code == 201, made.data
    assert made.data["config"]["implementation"] == deployment.vault_implementation, "filled in from the chain"
    changed = api.patch("/api/v1/monitors/code/", {"severity": "SEV1", "enabled": False}, format="json")
    assert (changed.data["severity"], changed.data["state"]) == ("SEV1", "off")
    wrong = api.patch("/api/v1/monitors/code/", {"config": {"proxy": "vault"}}, format="json")
    assert wrong.status_code == 400 and "config" in str(wrong.data)
    tried = api.post("/api/v1/monitors/moves/back-test/", {"blocks": 12}, format="json")
    assert tried.status_code == 200 and tried.data["alerts"] and tried.data["unread"] == 0
