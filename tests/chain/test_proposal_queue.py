"""The queue of a real Safe: rejections, rivals, gaps, what one execution does to the rest, and a plan's nonce."""

import re
from typing import Any

import pytest

from governance.proposals.builder_file import checksum
from governance.proposals.models import Proposal
from governance.proposals.queue import queue_of
from governance.proposals.services import confirm, withdraw
from governance.safes.services import refresh
from integrations.chain.models import Executor
from integrations.devnet.chain import CAROL, DAN, ERIN
from integrations.devnet.safes import calldata
from ledger.models import Event
from tests.chain.conftest import Devnet
from tests.chain.test_proposal_execution import plan_of, quiet_heart, run, signed  # noqa: F401  a fixture among them
from tests.chain.transactions import make_executor
from tests.governance_world import World, sign, world
from tests.people import browser_of, caller, person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


@pytest.fixture
def executor(helix: World) -> Executor:
    return make_executor(helix.chain, helix.devnet.rpc)


def touch(account: Any, value: int = 0) -> dict[str, str]:
    return {"to": account.address, "value": str(value), "data": "0x"}


def text_of(page: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))


def test_a_rejection_made_in_the_page_ends_what_it_rejects_and_lets_the_queue_go(
    helix: World, executor: Executor
) -> None:
    rita = person("rita", "responder")
    browser, where = browser_of(rita), f"/governance/safes/{helix.guardian.pk}/"
    stuck = helix.propose(touch(DAN), title="Nobody signs this")
    behind = signed(helix.propose(title="Pause the vault", auto_execute=True))
    run(helix, 2)
    behind.refresh_from_db()
    assert (stuck.nonce, behind.nonce, behind.status) == (0, 1, "ready")
    said = text_of(browser.get(where))
    assert "Nothing behind nonce 0 moves" in said
    assert f"#{stuck.pk}, at nonce 0, has 0 of 2 signatures. #{behind.pk} cannot be executed before nonce 0" in said

    answer = browser.post(f"/governance/proposals/{stuck.pk}/reject/")
    rejection = Proposal.objects.get(title="Reject: Nobody signs this")
    assert answer.headers["Location"] == f"/governance/proposals/{rejection.pk}/"
    browser.post(f"/governance/proposals/{stuck.pk}/reject/")  # pressed twice: the same one
    assert Proposal.objects.count() == 3
    said = text_of(browser.get(where))
    assert f"Only one of #{stuck.pk} and #{rejection.pk} can be executed" in said
    assert f"Executing this makes #{stuck.pk} dead and lets #{behind.pk} go." in said

    signed(rejection)
    run(helix, until=rejection)
    refresh(safe=helix.guardian)  # as the watch does at every block
    run(helix, until=behind)
    states = dict(Proposal.objects.values_list("pk", "status"))
    assert states == {stuck.pk: "superseded", rejection.pk: "executed", behind.pk: "executed"}
    assert not queue_of(refresh(safe=helix.guardian), rita).places


def test_a_plan_passes_by_what_nobody_signed_and_not_by_what_an_owner_did(helix: World, executor: Executor) -> None:
    unsigned = helix.propose(touch(DAN))
    half = helix.propose(touch(ERIN))
    confirm(proposal=half, signature=sign(half, CAROL.address), actor="user:1")
    first = helix.propose(plan=plan_of(helix), step_id="pause")
    other = helix.propose(plan=plan_of(helix), step_id="pause")
    assert [one.nonce for one in (unsigned, half, first, other)] == [0, 1, 0, 2]  # the very same one goes behind
    where = {"chain_id": helix.chain.chain_id, "address": helix.guardian.address}
    steps = [
        {"id": name, "type": "safe", "params": {"safe": where, "calls": [touch(DAN, value)]}}
        for name, value in (("one", 1), ("two", 2))
    ]
    plan = plan_of(helix, steps=steps)
    siblings = [helix.propose(*step["params"]["calls"], plan=plan, step_id=step["id"]) for step in steps]
    assert [one.nonce for one in siblings] == [0, 2]  # one plan's steps never exclude each other


def test_a_gap_is_named_and_filled_from_the_page(helix: World, executor: Executor) -> None:
    rita = person("rita", "responder")
    browser = browser_of(rita)
    fell = signed(helix.propose(touch(DAN), title="Withdrawn too late"))
    far = helix.propose(nonce=3)
    withdraw(proposal=fell, actor=rita.actor, reason="not wanted")
    places = queue_of(helix.guardian, rita).places
    assert [(place.kind, place.span) for place in places] == [("gap", "0"), ("gap", "1 to 2"), ("later", "3")]
    assert places[0].ended[0].armed and "whoever has their signatures can execute it" in places[0].ended[0].words
    said = text_of(browser.get(f"/governance/safes/{helix.guardian.pk}/"))
    assert "Nothing is proposed at nonce 0, where this Safe is." in said and f"#{far.pk} cannot be executed" in said
    filled = browser.post(f"/governance/safes/{helix.guardian.pk}/use-up/", {"nonce": "1"})
    assert filled.headers["Location"].endswith(f"/{Proposal.objects.get(nonce=1).pk}/")
    for nonce in ("", "x", "-1"):
        browser.post(f"/governance/safes/{helix.guardian.pk}/use-up/", {"nonce": nonce})
    assert Proposal.objects.count() == 3
    browser.post(f"/governance/proposals/{fell.pk}/reject/")  # its signatures are out: only the nonce ends them
    rejection = signed(Proposal.objects.get(title="Reject: Withdrawn too late"))
    run(helix, until=rejection)
    assert refresh(safe=helix.guardian).nonce == 1
    assert Event.objects.filter(verb="proposal.executed", subject=rejection.subject).exists()


@pytest.mark.parametrize("version", ["1.3.0", "1.4.1", "1.5.0"])
def test_a_transaction_builder_file_is_executed_on_each_version(helix: World, executor: Executor, version: str) -> None:
    safe = helix.safe_of(version)
    before = int(helix.devnet.rpc("eth_getBalance", DAN.address, "latest"), 16)
    inputs = [{"name": "spender", "type": "address"}, {"name": "value", "type": "uint256"}]
    approve = {"inputs": inputs, "name": "approve", "payable": False}
    usd, few = helix.devnet.deployment.usd, {"spender": helix.vault.address, "value": "5"}
    document: dict[str, Any] = {
        "version": "1.0",
        "chainId": str(helix.chain.chain_id),
        "createdAt": 1_713_949_623_894,
        "meta": {"name": "Two", "description": "", "txBuilderVersion": "1.18.0"},
        "transactions": [
            {"to": DAN.address, "value": "7", "data": None, "contractMethod": None, "contractInputsValues": None},
            {"to": usd, "value": "0", "contractMethod": approve, "contractInputsValues": few},
        ],
    }
    document["meta"]["checksum"] = checksum(document)
    body = {"safe": safe.pk, "title": "From a file", "transaction_builder": document, "auto_execute": True}
    answer = caller(person("", "responder")).post("/api/v1/proposals/", body)
    assert answer.status_code == 201, answer.content
    proposal = Proposal.objects.get(pk=answer.json()["id"])
    signed(proposal, CAROL, DAN)
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed", proposal.stopped
    assert int(helix.devnet.rpc("eth_getBalance", DAN.address, "latest"), 16) == before + 7
    allowed = calldata("allowance(address,address)", safe.address, helix.vault.address)
    assert int.from_bytes(helix.devnet.rpc.call(usd, allowed)) == 5
