"""The API of the room: what it shows, to whom, and how it refuses. No chain here; tests/chain has the rest."""

from typing import Any

import pytest
from django.utils import timezone

from governance.plans.services import create_plan, record_value
from governance.proposals.models import Proposal
from governance.protocols.models import Contract, FailureMode, Power, Protocol
from governance.safes.models import Safe
from integrations.chain.models import Chain
from integrations.safe.hashes import SafeTx, safe_tx_hash
from ledger.scopes import open_scope, set_private
from tests.people import browser_of, caller, person, program_of

pytestmark = pytest.mark.django_db
TARGET = "0x3E5c63644E683549055b9Be8653de26E0B4CD36E"
SAFE = "0x41675C099F32341bf84BFc5382aF534df5C7461a"
OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PAUSE = [{"type": "function", "name": "pause", "inputs": [], "outputs": [], "stateMutability": "nonpayable"}]


@pytest.fixture
def safe() -> Safe:
    chain = Chain.objects.create(chain_id=731337, name="Devnet", short_name="devnet", kind="devnet")
    protocol = Protocol.objects.create(slug="helix", name="Helix")
    vault = Contract.objects.create(
        protocol=protocol, chain=chain, address=TARGET, name="HelixVault", role="vault", abi=PAUSE
    )
    power = Power.objects.create(
        protocol=protocol, contract=vault, slug="pause", title="Pause", function="pause()", holder=SAFE
    )
    FailureMode.objects.create(
        protocol=protocol, slug="stale", title="Stale", category="oracle", likelihood=3, impact=4, power=power
    )
    return Safe.objects.create(
        chain=chain,
        protocol=protocol,
        address=SAFE,
        label="Guardian Safe",
        version="1.4.1",
        owners=[OWNER],
        threshold=1,
        nonce=2**60,
        singleton=TARGET,
        code_hash="0x" + "11" * 32,
        read_block=7,
        read_at=timezone.now(),
    )


@pytest.fixture
def proposal(safe: Safe) -> Proposal:
    tx = SafeTx(731337, SAFE, "1.4.1", TARGET, data=bytes.fromhex("8456cb59"), nonce=2**60)
    return Proposal.objects.create(
        safe=safe,
        scope=open_scope(kind="proposal", title="Pause", actor="user:1"),
        status="signing",
        title="Pause",
        calls=[{"to": TARGET, "value": "0", "data": "0x8456cb59"}],
        chain_id=731337,
        version="1.4.1",
        to=TARGET,
        data=tx.data,
        nonce=tx.nonce,
        safe_tx_hash=safe_tx_hash(tx),
        created_by="user:1",
    )


@pytest.mark.parametrize(
    "resource", ["protocols", "contracts", "powers", "failure-modes", "safes", "plans", "proposals"]
)
def test_every_resource_is_listed_and_found_one_by_one(proposal: Proposal, resource: str) -> None:
    create_plan(
        document={"kind": "playbook", "environment": "live", "chains": [], "steps": [{"id": "a", "type": "check"}]},
        scope=proposal.scope,
        actor="user:1",
    )
    api = caller(person("val", "viewer"))
    listed = api.get(f"/api/v1/{resource}/").json()["results"]
    assert len(listed) == 1
    one = api.get(f"/api/v1/{resource}/{listed[0]['id']}/")
    assert (one.status_code, one.json()) == (200, listed[0])
    missing = api.get(f"/api/v1/{resource}/999999/")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:breakglass:problem:not-found")
    assert caller_without_login().get(f"/api/v1/{resource}/").status_code == 401


def caller_without_login() -> Any:
    from rest_framework.test import APIClient

    return APIClient()


def test_numbers_beyond_json_are_text(proposal: Proposal) -> None:
    api = caller(person("val", "viewer"))
    assert api.get(f"/api/v1/safes/{proposal.safe_id}/").json()["nonce"] == str(2**60)
    body = api.get(f"/api/v1/proposals/{proposal.pk}/").json()
    assert (body["nonce"], body["fields_signed"]["nonce"]) == (str(2**60), str(2**60))
    assert body["hashes"]["safe_tx"] == body["safe_tx_hash"] == proposal.safe_tx_hash


def test_a_private_scope_hides_its_proposals_and_plans(proposal: Proposal) -> None:
    plan = create_plan(
        document={"kind": "playbook", "environment": "live", "chains": [], "steps": [{"id": "a", "type": "check"}]},
        scope=proposal.scope,
        actor="user:1",
    )
    set_private(scope=proposal.scope, private=True, actor="user:1")
    outsider, auditor = person("val", "viewer"), person("frank", "auditor")
    for resource, pk in (("proposals", proposal.pk), ("plans", plan.pk)):
        assert caller(outsider).get(f"/api/v1/{resource}/{pk}/").status_code == 404
        assert caller(auditor).get(f"/api/v1/{resource}/{pk}/").status_code == 200
    assert browser_of(outsider).get(f"/governance/proposals/{proposal.pk}/").status_code == 404
    assert browser_of(outsider).get(f"/governance/plans/{plan.pk}/").status_code == 404
    refused = caller(outsider).post(f"/api/v1/proposals/{proposal.pk}/confirmations/", {"signature": "0x"})
    assert refused.status_code == 404


def test_proposing_needs_a_responder_and_the_tokens_scope(safe: Safe) -> None:
    body = {"safe": safe.pk, "title": "x", "calls": [{"to": TARGET, "value": "0", "data": "0x"}]}
    assert caller(person("val", "viewer")).post("/api/v1/proposals/", body).status_code == 403
    rita = person("rita", "responder")
    assert program_of(rita, "read").post("/api/v1/proposals/", body).status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"safe": 9999}, "safe"),
        ({"safe": "x"}, "safe"),
        ({"title": ""}, "title"),
        ({"calls": []}, "calls"),
        ({"calls": [{"to": "0x12"}]}, "calls.0.to"),
        ({"calls": [{"to": TARGET, "data": "0x1"}]}, "calls.0.data"),
        ({"calls": [{"to": TARGET, "operation": 1}]}, "calls.0.operation"),
        ({"calls": "0x"}, "calls"),
        ({"nonce": "-1"}, "nonce"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_bad_proposal_names_the_field(safe: Safe, changes: dict[str, Any], field: str) -> None:
    body = {"safe": safe.pk, "title": "x", "calls": [{"to": TARGET, "value": "0", "data": "0x"}], **changes}
    answer = caller(person("rita", "responder")).post("/api/v1/proposals/", body)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert not Proposal.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "signature"),
        ({"signature": ""}, "signature"),
        ({"signature": "0x1234"}, "signature"),
        ({"signature": "0x" + "00" * 65}, "signature"),
        ({"signature": 7}, "signature"),
        ({"signature": "0x" + "11" * 65, "owner": OWNER}, "owner"),
    ],
)
def test_a_bad_signature_is_a_field_error(proposal: Proposal, body: dict[str, Any], field: str) -> None:
    answer = caller(person("val", "viewer")).post(f"/api/v1/proposals/{proposal.pk}/confirmations/", body)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["field"] == field


def test_a_tampered_row_is_a_clear_refusal_in_the_api_and_on_the_page(proposal: Proposal) -> None:
    Proposal.objects.update(data=b"\x01\x02\x03\x04")
    val = person("val", "viewer")
    body = {"signature": "0x" + "11" * 65}
    answer = caller(val).post(f"/api/v1/proposals/{proposal.pk}/confirmations/", body)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:breakglass:problem:tampered")
    page = browser_of(val).get(f"/governance/proposals/{proposal.pk}/")
    assert page.status_code == 200
    assert b"stored fields were altered" in page.content
    pasted = browser_of(val).post(f"/governance/proposals/{proposal.pk}/sign/", body)
    assert pasted.status_code == 400
    assert b"stored fields were altered" in pasted.content


@pytest.mark.parametrize("status", ["rejected", "superseded", "executed", "failed"])
def test_a_closed_proposal_takes_no_signature(proposal: Proposal, status: str) -> None:
    Proposal.objects.update(status=status)
    answer = caller(person("val", "viewer")).post(
        f"/api/v1/proposals/{proposal.pk}/confirmations/", {"signature": "0x" + "11" * 65}
    )
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:breakglass:problem:not-signing")


def test_a_plan_page_shows_steps_values_and_differences(proposal: Proposal) -> None:
    def document(title: str) -> dict[str, Any]:
        return {
            "kind": "playbook",
            "environment": "drill",
            "chains": [731337],
            "steps": [{"id": "pause", "type": "safe", "title": title, "params": {"until": {"$ref": "until"}}}],
            "references": [{"id": "until", "type": "uint256", "rule": "step:check.answer"}],
        }

    first = create_plan(document=document("Pause"), scope=proposal.scope, actor="user:1")
    second = create_plan(document=document("Pause it all"), scope=proposal.scope, actor="user:1")
    record_value(plan=second, reference="until", value="123456", actor="step:1")
    browser = browser_of(person("val", "viewer"))
    page = browser.get(f"/governance/plans/{second.pk}/").content.decode()
    assert "Pause it all" in page and "123456" in page
    difference = browser.get(f"/governance/plans/{second.pk}/diff/{first.pk}/").content.decode()
    assert ".steps[pause].title" in difference
    exported = browser.get(f"/governance/plans/{second.pk}/plan.json")
    assert exported.content.decode() == second.document


def test_the_bundle_is_what_the_verifier_reads(proposal: Proposal) -> None:
    from tools.verify_safe_tx import verify

    bundle = browser_of(person("val", "viewer")).get(f"/governance/proposals/{proposal.pk}/bundle.json").json()
    lines = verify(bundle, {"safeTx": proposal.safe_tx_hash})
    assert any("pause()" in line for line in lines)
