"""Setting up what is protected, through pages and API: a protocol, its contracts with pinned ABIs, its allow-list."""

import json
from typing import Any

import pytest

from governance.proposals.review import review
from governance.protocols.models import Allowed, Contract, Power, Protocol
from integrations.devnet.anvil import ROOT
from integrations.devnet.chain import CAROL, DAN
from ledger.models import Event
from tests.chain.conftest import Devnet
from tests.governance_world import World, world
from tests.people import browser_of, caller, person

pytestmark = pytest.mark.django_db


def artifact(name: str) -> Any:
    return json.loads((ROOT / "integrations/devnet/artifacts" / f"{name}.json").read_bytes())


@pytest.fixture
def helix(devnet: Devnet) -> World:
    made = world(devnet)
    Contract.objects.all().delete()
    return made


def verbs() -> list[str]:
    found = Event.objects.filter(verb__regex=r"^(protocol|contract|allowed)\.").order_by("pk")
    return [f"{one.verb} by {one.actor}" for one in found]


def test_the_whole_way_through_the_api(helix: World) -> None:
    admin = person("ada", "admin")
    api, chain_id = caller(admin), helix.chain.chain_id
    assert api.post("/api/v1/protocols/", {"slug": "aster", "name": "Aster"}).status_code == 201
    deployment = helix.devnet.deployment
    vault: dict[str, Any] = {
        "protocol": "helix",
        "chain_id": chain_id,
        "address": deployment.vault,
        "name": "HelixVault",
        "role": "vault",
        "abi": artifact("HelixVault"),
    }
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("protocols", {"slug": "aster", "name": "Again"}, "slug"),
        ("protocols", {"slug": "new", "name": "New"}, "slug"),
        ("contracts", {**vault, "protocol": "nobody"}, "protocol"),
        ("contracts", {**vault, "chain_id": 1}, "chain_id"),
        ("contracts", {**vault, "address": deployment.vault.swapcase().replace("0X", "0x")}, "address"),
        ("contracts", {**vault, "address": CAROL.address}, "address"),
        ("contracts", {**vault, "address": helix.guardian.address}, "address"),
        ("contracts", {**vault, "role": "moon"}, "role"),
        ("contracts", {**vault, "abi": []}, "abi"),
        ("contracts", {**vault, "abi": "not JSON"}, "abi"),
        ("contracts", {**vault, "abi": [{"type": "function", "name": "f", "inputs": 3}]}, "abi.0.inputs"),
        ("contracts", {**vault, "abi": [{"name": "f", "inputs": [{"type": "uint7"}]}]}, "abi.0"),
        ("contracts", {**vault, "abi": [{"type": "event", "name": "E", "inputs": []}]}, "abi"),
    ]
    for resource, body, field in wrong:
        answer = api.post(f"/api/v1/{resource}/", body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), (body, answer.content)
    made = api.post("/api/v1/contracts/", vault)
    assert made.status_code == 201, made.content
    row = Contract.objects.get()
    assert row.code_hash == helix.vault.code_hash and {one["type"] for one in row.abi} == {"function", "event", "error"}
    assert api.post("/api/v1/contracts/", vault).json()["errors"][0]["message"] == (
        "It is registered already, as HelixVault."
    )

    proposal = helix.propose()
    assert [(one.finding, one.grade) for one in review(proposal).findings] == [("allow_list", "note")]
    line = {"protocol": "helix", "chain_id": chain_id, "address": deployment.vault, "function": "0x8456CB59"}
    unregistered = {**line, "address": DAN.address}
    for body, field in (
        ({**line, "function": "0x00000000"}, "function"),
        ({**line, "function": "claim()"}, "function"),
        ({**unregistered, "label": "x"}, "function"),
        ({**unregistered, "function": "claim(uint)"}, "label"),
        ({**unregistered, "function": "claim(moon)", "label": "x"}, "function"),
        ({**unregistered, "function": "", "label": "two\nlines"}, "label"),
    ):
        answer = api.post("/api/v1/allowed/", body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), (body, answer.content)
    assert not Allowed.objects.exists()
    deposit = api.post("/api/v1/allowed/", {**line, "function": "deposit"}).json()
    assert (deposit["function"], deposit["label"]) == ("deposit(uint256)", "HelixVault")
    assert [(one.finding, one.grade) for one in review(proposal).findings] == [("allow_list", "blocking")]
    pause = api.post("/api/v1/allowed/", line)
    assert pause.json()["function"] == "pause()" and review(proposal).findings == []
    assert api.post("/api/v1/allowed/", line).status_code == 400
    plain = api.post("/api/v1/allowed/", {**unregistered, "function": "claim(uint)", "label": "The distributor"})
    assert plain.json()["function"] == "claim(uint256)"
    assert api.delete(f"/api/v1/allowed/{pause.json()['id']}/").status_code == 204
    assert review(proposal).blocking

    belongs = f"/api/v1/safes/{helix.guardian.pk}/protocol/"
    assert api.post(belongs, {"protocol": "nobody"}).json()["errors"][0]["field"] == "protocol"
    assert api.post(belongs, {"protocol": None}).json()["protocol"] is None
    proposal = type(proposal).objects.get(pk=proposal.pk)
    assert [one.grade for one in review(proposal).findings] == ["note"]
    form = browser_of(admin).post(f"/governance/safes/{helix.guardian.pk}/protocol/", {"protocol": "helix"})
    assert form.status_code == 302 and Event.objects.filter(verb="safe.assigned").count() == 2

    path = f"/api/v1/contracts/{row.pk}/"
    Contract.objects.update(code_hash="0x" + "11" * 32)
    assert api.patch(path, {"name": "Vault"}).json()["code_hash"] == "0x" + "11" * 32
    assert api.patch(path, {"pin_code": True}).json()["code_hash"] == helix.vault.code_hash
    power = Power.objects.create(
        protocol=row.protocol, contract=row, slug="p", title="Pause", function="pause()", holder=DAN.address
    )
    assert api.delete(path).status_code == 409
    power.delete()
    assert api.delete(path).status_code == 204
    assert verbs() == [
        f"{verb} by {admin.actor}"
        for verb in (
            "protocol.added",
            "contract.registered",
            *("allowed.added",) * 3,
            "allowed.removed",
            "contract.changed",
            "contract.changed",
            "contract.removed",
        )
    ]


def test_the_whole_way_through_the_pages(helix: World) -> None:
    browser, reader = browser_of(person("ada", "admin")), browser_of(person("cora", "commander"))
    page = browser.get("/governance/protocols/helix/").content.decode()
    assert "No allow-list on Helix devnet" in page and "Say what is allowed" in page
    added = browser.post("/governance/protocols/new/", {"name": "Aster", "slug": "aster"})
    assert added.headers["Location"] == "/governance/protocols/aster/"
    again = browser.post("/governance/protocols/new/", {"name": "Aster", "slug": "aster"})
    assert again.status_code == 422 and "There is a protocol of this name." in again.content.decode()
    form = {"chain": helix.chain.pk, "address": helix.devnet.deployment.vault, "name": "HelixVault", "role": "vault"}
    register = "/governance/protocols/helix/contracts/new/"
    bad = browser.post(register, {**form, "abi": '[{"type": "moon"}]'})
    assert bad.status_code == 422 and "0: It is of no kind that an ABI has." in bad.content.decode()
    assert browser.post(register, {**form, "abi": json.dumps(artifact("HelixVault"))}).status_code == 302
    vault = Contract.objects.get()
    allow = f"/governance/protocols/helix/allow/?contract={vault.pk}"
    chosen = browser.get(allow).content.decode()
    assert "setMode(uint8)" in chosen and "totalAssets()" not in chosen
    assert browser.post(allow, {"functions": ["pause()", "receives"]}).status_code == 302
    other = {"chain": helix.chain.pk, "address": DAN.address, "function": "claim(uint)", "label": "The distributor"}
    assert browser.post("/governance/protocols/helix/allow/", other).status_code == 302
    nameless = browser.post("/governance/protocols/helix/allow/", {**other, "function": "f()", "label": ""})
    assert nameless.status_code == 422 and "Is empty." in nameless.content.decode()
    shown = reader.get("/governance/protocols/helix/").content.decode()
    for said in ("0x8456cb59", "pause()", "may receive value and tokens", "The distributor", "not registered"):
        assert said in shown, said
    assert "No allow-list on" not in shown and "Remove" not in shown and "Allow more" not in shown
    details = reader.get(f"/governance/contracts/{vault.pk}/").content.decode()
    assert "pause()" in details and "Change it" not in details
    stripped = json.dumps([one for one in vault.abi if one.get("name") != "pause"])
    change = {"name": "HelixVault", "role": "proxy", "abi": stripped}
    assert browser.post(f"/governance/contracts/{vault.pk}/change/", change).status_code == 302
    assert "the pinned ABI has no such function" in browser.get("/governance/protocols/helix/").content.decode()
    pause = Allowed.objects.get(function="pause()")
    assert browser.post(f"/governance/allowed/{pause.pk}/remove/").status_code == 302
    assert browser.post(f"/governance/contracts/{vault.pk}/remove/").headers["Location"].endswith("/protocols/helix/")
    assert sorted(Allowed.objects.values_list("function", flat=True)) == ["", "claim(uint256)"]
    assert Protocol.objects.count() == 2 and len(verbs()) == 8
