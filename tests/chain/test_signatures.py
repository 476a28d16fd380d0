"""Signatures of all four kinds on real Safes of the three versions, nested in every pairing, executed by workers."""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from eth_account import Account
from eth_account.messages import encode_defunct

from governance.proposals import nesting
from governance.proposals.approving import propose_approval
from governance.proposals.links import link_of
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal
from governance.proposals.owning import owning_safes
from governance.proposals.review import review
from governance.proposals.selectors import quorum, waiting_for
from governance.proposals.services import confirm, reject, withdraw
from governance.proposals.telling import signers
from governance.safes.models import Safe
from governance.safes.services import follow, refresh, register
from integrations.chain.models import Chain, Endpoint
from integrations.devnet.anvil import Anvil
from integrations.devnet.chain import CAROL, COUNCIL_1, DAN, ERIN
from integrations.devnet.proxy import Rewrite, RpcProxy
from integrations.devnet.safes import calldata
from integrations.safe import signatures
from integrations.safe.nested import message_hash_for_owners_owner
from ledger import Invalid, Refused
from ledger.models import Event
from tests.chain.conftest import Devnet
from tests.chain.safes import make_safe, mined
from tests.chain.transactions import make_executor
from tests.drain import settle
from tests.governance_world import KEYS, World, sign, world
from tests.people import browser_of, caller, person, wallet_of
from work import leases

VERSIONS = ("1.3.0", "1.4.1", "1.5.0")
SENTINEL = "0x" + "0" * 39 + "1"
DUE_NOW = "UPDATE work_work SET run_at = now() WHERE status IN ('queued', 'waiting') AND run_at IS NOT NULL"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    """The thread that keeps leases ends before the database of the test does."""
    leases.Heart.BEAT = 0.1
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def helix(devnet: Devnet) -> World:
    found = world(devnet)
    make_executor(found.chain, devnet.rpc)
    return found


def safe_of(helix: World, version: str, owners: Sequence[str], threshold: int, label: str = "") -> Safe:
    address = make_safe(helix.devnet.rpc, version, list(owners), threshold)
    helix.devnet.rpc("anvil_setBalance", address, hex(10**18))
    return register(chain=helix.chain, address=address, label=label or f"Safe {version}", actor="user:1")


def run(helix: World, until: Proposal, rounds: int = 12) -> Proposal:
    """What workers, the linker, blocks and the watch do by themselves."""
    for _ in range(rounds):
        settle()
        until.refresh_from_db()
        if until.status == "executed":
            return until
        helix.devnet.rpc("evm_mine")
        follow(helix.chain)
        with connection.cursor() as cursor:
            cursor.execute(DUE_NOW)
    raise AssertionError(f"{until.status}: {until.stopped}")


def send(*values: int) -> list[dict[str, str]]:
    return [{"to": COUNCIL_1.address, "value": str(value), "data": "0x"} for value in values]


def balance(helix: World) -> int:
    return int(helix.devnet.rpc("eth_getBalance", COUNCIL_1.address, "latest"), 16)


def personal(digest: str, owner: str) -> bytes:
    return bytes(Account.sign_message(encode_defunct(bytes.fromhex(digest[2:])), KEYS[owner]).signature)


def within(proposal: Proposal, child: Safe, owner: str) -> str:
    """An owner of the child signs what the child is asked."""
    return sign(proposal, owner, digest=nesting.message_hash(proposal.safe_tx, child))


def approve(helix: World, proposal: Proposal, owner: str) -> None:
    data = calldata("approveHash(bytes32)", bytes.fromhex(proposal.safe_tx_hash[2:]))
    mined(helix.devnet.rpc, {"from": owner, "to": proposal.safe.address, "data": "0x" + data.hex()})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_batch_signed_in_all_four_ways_is_executed_and_a_rejection_after_it(helix: World, version: str) -> None:
    child = safe_of(helix, version, [CAROL.address, ERIN.address], 2, "Child")
    safe = safe_of(helix, version, [CAROL.address, DAN.address, ERIN.address, child.address], 4, "Parent")
    before = balance(helix)
    proposal = helix.propose(*send(5, 6), safe=safe, auto_execute=True)
    confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")
    confirm(proposal=proposal, signature=personal(proposal.safe_tx_hash, DAN.address), actor="user:1")
    approve(helix, proposal, ERIN.address)
    follow(helix.chain)
    first = confirm(proposal=proposal, signature=within(proposal, child, CAROL.address), actor="user:1")
    assert isinstance(first, NestedConfirmation)
    assert {row.kind for row in proposal.confirmations.all()} == {"eip712", "eth_sign", "approved"}
    raw = bytearray.fromhex(within(proposal, child, ERIN.address)[2:])
    raw[64] -= 27  # as some devices spell it
    confirm(proposal=proposal, signature=bytes(raw), actor="user:1")
    kinds = dict(proposal.confirmations.values_list("owner", "kind"))
    assert kinds == {
        CAROL.address: "eip712",
        DAN.address: "eth_sign",
        ERIN.address: "approved",
        child.address: "contract",
    }
    run(helix, proposal)
    assert balance(helix) == before + 11
    assert proposal.outcome is not None and proposal.outcome["differences"] == []
    refresh(safe=safe)
    unwanted = helix.propose(*send(7), safe=safe)
    empty = reject(proposal=unwanted, actor="user:1")
    for owner in (CAROL, DAN, ERIN):
        confirm(proposal=empty, signature=sign(empty, owner.address), actor="user:1")
    for owner in (CAROL, ERIN):
        confirm(proposal=empty, signature=within(empty, child, owner.address), actor="user:1")
    run(helix, empty)
    refresh(safe=safe)
    settle()
    unwanted.refresh_from_db()
    assert (unwanted.status, balance(helix)) == ("superseded", before + 11)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_parent_of_each_version_takes_children_of_each(helix: World, version: str) -> None:
    """Nine pairs. The two that cannot sign say why, and approve on the chain instead."""
    children = [safe_of(helix, one, [CAROL.address, DAN.address], 1, f"Child {one}") for one in VERSIONS]
    safe = safe_of(helix, version, [child.address for child in children], 3, "Parent")
    before = balance(helix)
    proposal = helix.propose(*send(9), safe=safe, auto_execute=True)
    for child in children:
        given = within(proposal, child, DAN.address)
        if child.version != "1.5.0" or version == "1.5.0":
            confirm(proposal=proposal, signature=given, actor="user:1")
            assert proposal.confirmations.get(owner=child.address).kind == "contract"
            continue
        with pytest.raises(Invalid, match=r"isValidSignature\(bytes,bytes\)") as refused:
            confirm(proposal=proposal, signature=given, actor="user:1")
        assert f"approveHash({proposal.safe_tx_hash})" in refused.value.hint
        approval = propose_approval(proposal=proposal, child=child, actor="user:1")
        assert propose_approval(proposal=proposal, child=child, actor="user:1") == approval
        confirm(proposal=approval, signature=sign(approval, CAROL.address), actor="user:1")
        run(helix, approval)
    run(helix, proposal)
    kinds = dict(proposal.confirmations.values_list("owner", "kind"))
    last = "contract" if version == "1.5.0" else "approved"
    assert [kinds[child.address] for child in children] == ["contract", "contract", last]
    assert balance(helix) == before + 9


def test_a_third_level_approves_on_the_chain_and_is_told_so(helix: World) -> None:
    """A Safe that owns a Safe that owns the Safe: its owners sign a proposal of their own, and the rest follows."""
    deeper = safe_of(helix, "1.4.1", [CAROL.address], 1, "Deepest")
    middle = safe_of(helix, "1.5.0", [deeper.address, DAN.address], 2, "Middle")
    safe = safe_of(helix, "1.5.0", [middle.address], 1, "Parent")
    carol, rita = person("carol", "viewer"), person("rita", "responder")
    wallet_of(carol, CAROL)
    before = balance(helix)
    proposal = helix.propose(*send(9), safe=safe, auto_execute=True)
    tx, digest = proposal.safe_tx, nesting.message_hash(proposal.safe_tx, middle)
    assert signers(proposal) == [carol]
    over = message_hash_for_owners_owner(tx, middle, deeper), nesting.message_hash(tx, deeper), tx.hash
    for one in over:
        with pytest.raises(Invalid, match="two levels, and this is the third") as refused:
            confirm(proposal=proposal, signature=sign(proposal, CAROL.address, digest=one), actor="user:1")
        assert f"approveHash({digest}) sent to {middle.address}" in refused.value.hint
    path = f"/governance/proposals/{proposal.pk}/"
    page = browser_of(carol).get(path).content.decode()
    assert "You are an owner of Deepest, which owns" in page and "Ask a responder to propose it" in page
    assert "Propose the approval to Deepest" in browser_of(rita).get(path).content.decode()
    made = browser_of(rita).post(f"{path}approval/{deeper.pk}/", {"within": middle.pk})
    approval = Proposal.objects.get(safe=deeper)
    assert made.headers["Location"] == f"/governance/proposals/{approval.pk}/"
    assert f"Sign its approval, proposal {approval.pk}" in browser_of(carol).get(path).content.decode()
    assert not review(approval).blocking and waiting_for(carol) == [approval]
    enable = calldata("enableModule(address)", ERIN.address)
    bad = helix.propose({"to": safe.address, "value": "0", "data": "0x" + enable.hex()}, safe=safe)
    approve = calldata("approveHash(bytes32)", bytes.fromhex(bad.safe_tx_hash[2:]))
    yes = helix.propose({"to": safe.address, "value": "0", "data": "0x" + approve.hex()}, safe=middle)
    carried = [(one.finding, one.text) for one in review(yes).blocking]
    assert [name for name, _ in carried] == ["blind_hash"]
    assert "may not be signed itself" in carried[0][1] and "lets a module act" in carried[0][1]
    confirm(proposal=proposal, signature=within(proposal, middle, DAN.address), actor="user:1")
    confirm(proposal=approval, signature=sign(approval, CAROL.address), actor="user:1")
    run(helix, approval)
    run(helix, proposal)
    assert {row.kind for row in proposal.nested.all()} == {"approved", "eip712"}
    assert proposal.confirmations.get().kind == "contract" and balance(helix) == before + 9


@pytest.mark.parametrize("version", VERSIONS)
def test_an_owner_who_is_removed_midway_counts_no_more(helix: World, version: str) -> None:
    safe = safe_of(helix, version, [CAROL.address, DAN.address, ERIN.address], 2)
    gone = calldata("removeOwner(address,address,uint256)", SENTINEL, CAROL.address, 2)
    change = {"to": safe.address, "value": "0", "data": "0x" + gone.hex()}
    removal = helix.propose(change, safe=safe, auto_execute=True)
    waiting = helix.propose(*send(3), safe=safe, auto_execute=True)
    assert (removal.nonce, waiting.nonce) == (0, 1)
    for proposal in (waiting, removal):
        for owner in (CAROL, DAN):
            confirm(proposal=proposal, signature=sign(proposal, owner.address), actor="user:1")
    waiting.refresh_from_db()
    assert waiting.status == "ready"
    run(helix, removal)
    follow(helix.chain)
    settle()
    waiting.refresh_from_db()
    assert waiting.status == "signing"
    assert waiting.stopped is not None and "1 of 2" in waiting.stopped["reason"]
    assert [one.address for one in quorum(waiting).signers if one.removed] == [CAROL.address]
    assert quorum(waiting).signed == waiting.counted == 1
    with pytest.raises(Invalid, match="any more, so this signature does not count"):
        confirm(proposal=waiting, signature=sign(waiting, CAROL.address), actor="user:1")
    before = balance(helix)
    confirm(proposal=waiting, signature=sign(waiting, ERIN.address), actor="user:1")
    run(helix, waiting)
    assert (balance(helix), waiting.stopped) == (before + 3, None)


def test_a_childs_word_lapses_with_its_owner_and_comes_back_with_another(helix: World) -> None:
    child = safe_of(helix, "1.4.1", [CAROL.address, DAN.address, ERIN.address], 2, "Child")
    safe = safe_of(helix, "1.3.0", [child.address, COUNCIL_1.address], 1, "Parent")
    proposal = helix.propose(*send(2), safe=safe)
    dan = person("dan", "viewer")
    wallet_of(dan, Account.from_key(KEYS[DAN.address]))
    assert (waiting_for(dan), signers(proposal)) == ([proposal], [dan])
    for owner in (CAROL, DAN):
        confirm(proposal=proposal, signature=within(proposal, child, owner.address), actor="user:1")
    proposal.refresh_from_db()
    assert (proposal.status, proposal.counted, waiting_for(dan)) == ("ready", 1, [])
    rpc = helix.devnet.rpc
    rpc("anvil_impersonateAccount", child.address)
    gone = calldata("removeOwner(address,address,uint256)", SENTINEL, CAROL.address, 2)
    mined(rpc, {"from": child.address, "to": child.address, "data": "0x" + gone.hex()})
    follow(helix.chain)
    settle()
    proposal.refresh_from_db()
    assert (proposal.status, proposal.counted) == ("signing", 0)
    assert "no longer accepts" in proposal.confirmations.get().lapsed
    assert Event.objects.filter(verb="confirmation.lapsed", subject=proposal.subject).count() == 1
    rows = owning_safes(proposal)
    assert (rows[0].signed, [one.address for one in rows[0].signers if one.removed]) == (1, [CAROL.address])
    confirm(proposal=proposal, signature=within(proposal, child, ERIN.address), actor="user:1")
    proposal.refresh_from_db()
    assert (proposal.status, proposal.counted) == ("ready", 1)


def test_what_is_wrong_with_a_signature_is_said_with_what_would_be_right(helix: World) -> None:
    child = safe_of(helix, "1.4.1", [DAN.address, ERIN.address], 2, "Child")
    safe = safe_of(helix, "1.4.1", [CAROL.address, child.address], 2, "Parent")
    proposal = helix.propose(*send(4), safe=safe)
    tx = proposal.safe_tx
    confirm(proposal=proposal, signature=within(proposal, child, DAN.address), actor="user:1")
    before = Confirmation.objects.count(), NestedConfirmation.objects.count(), Event.objects.count()
    inner = nesting.message_hash(tx, child)
    claim = signatures.approved(DAN.address).bytes
    lone = signatures.contract(child.address, bytes.fromhex(within(proposal, child, DAN.address)[2:]))
    wrong = [
        (sign(proposal, CAROL.address, digest=replace(tx, chain_id=1).hash), "made for Ethereum (chain 1), not for"),
        (sign(proposal, CAROL.address, digest=tx.with_nonce(3).hash), "made for nonce 3, and this proposal is for"),
        (sign(proposal, CAROL.address, digest=replace(tx, version="1.2.0").hash), "without a chain id"),
        (sign(proposal, CAROL.address, digest=inner), "is a stranger's, or it was made over another hash"),
        (sign(proposal, DAN.address), "is a stranger's, or it was made over another hash"),
        (within(proposal, child, DAN.address), "has signed this for Child already"),
        (claim, "The chain does not confirm it"),
        (lone.hex, "The chain does not confirm it"),
        (signatures.approved(COUNCIL_1.address).bytes, "is not an owner of Parent"),
        ("0x1234", "too short"),
    ]
    for given, words in wrong:
        with pytest.raises(Invalid) as refused:
            confirm(proposal=proposal, signature=given, actor="user:1")
        assert (refused.value.field, words in refused.value.message) == ("signature", True), refused.value.message
        assert refused.value.hint
    assert before == (Confirmation.objects.count(), NestedConfirmation.objects.count(), Event.objects.count())


def test_a_signer_without_an_account_hands_in_by_the_link(helix: World) -> None:
    child = safe_of(helix, "1.5.0", [DAN.address, ERIN.address], 1, "Child")
    safe = safe_of(helix, "1.5.0", [CAROL.address, child.address], 2, "Parent")
    proposal = helix.propose(*send(4), safe=safe)
    where = urlsplit(link_of(proposal)).path
    stranger = Client()
    page = stranger.get(where)
    assert page.status_code == 200
    assert nesting.message_hash(proposal.safe_tx, child)[-4:].encode() in page.content
    bad = stranger.post(where, {"signature": sign(proposal, DAN.address)})
    assert (bad.status_code, Confirmation.objects.count()) == (400, 0)
    assert b"made over another hash" in bad.content
    done = stranger.post(where, {"signature": " " + sign(proposal, CAROL.address) + "\n"})
    assert (done.status_code, Confirmation.objects.get().via) == (200, "link")
    assert Event.objects.get(verb="confirmation.added").actor == f"owner:{CAROL.address}"
    again = stranger.post(where, {"signature": sign(proposal, CAROL.address)}, content_type="application/json")
    assert (again.status_code, again.json()["errors"][0]["field"]) == (400, "signature")
    for body in ({"signature": 7}, {"signature": "0x", "owner": CAROL.address}, [], {}):
        assert stranger.post(where, json.dumps(body), content_type="application/json").status_code == 400
    last = stranger.post(where, {"signature": within(proposal, child, DAN.address)}, content_type="application/json")
    assert (last.status_code, last.json()["within"], last.json()["status"]) == (201, child.address, "ready")
    for gone in ("x", where.split("/")[-2] + "x"):
        assert stranger.get(f"/sign/{gone}/").status_code == 410
    proposal.refresh_from_db()
    withdraw(proposal=proposal, actor="user:1", reason="a mistake")
    assert stranger.get(where).status_code == 410
    assert stranger.post(where, {"signature": "0x"}, content_type="application/json").status_code == 409


def test_handing_in_is_limited_for_an_address_and_for_a_link(helix: World, settings: Any) -> None:
    proposal = helix.propose()
    where = urlsplit(link_of(proposal)).path
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "sign_link": "3/m/ip,4/h/key"}
    stranger = Client(REMOTE_ADDR="203.0.113.7")
    codes = [stranger.post(where, {"signature": "0x"}).status_code for _ in range(5)]
    assert codes == [400, 400, 400, 429, 429]
    other = Client(REMOTE_ADDR="203.0.113.8")
    assert [other.post(where, {"signature": "0x"}).status_code for _ in range(2)] == [400, 429]


def test_a_safe_is_registered_with_the_owners_that_are_safes(helix: World) -> None:
    rpc = helix.devnet.rpc
    inner = make_safe(rpc, "1.5.0", [CAROL.address], 1)
    middle = make_safe(rpc, "1.3.0", [inner, DAN.address], 1)
    outer = make_safe(rpc, "1.4.1", [middle, ERIN.address], 1, layer2=True)
    cora = caller(person("cora", "commander"))
    body = {"chain_id": helix.chain.chain_id, "address": outer.lower(), "label": "Outer", "protocol": "helix"}
    made = cora.post("/api/v1/safes/", body)
    assert (made.status_code, made.json()["version"], made.json()["address"]) == (201, "1.4.1", outer)
    versions = dict(Safe.objects.values_list("address", "version"))
    assert (versions[middle], versions[inner]) == ("1.3.0", "1.5.0")
    other = Chain.objects.create(chain_id=99, name="Other", short_name="other", kind="devnet", finality_depth=3)
    with Anvil(mining="auto", chain_id=99) as node:
        Endpoint.objects.create(chain=other, url=node.url)
        wrong = [
            ({"address": "0x" + outer[2:].swapcase()}, "address", "checksum"),
            ({"chain_id": 5}, "chain_id", "not set up"),
            ({"chain_id": 99}, "address", f"chain {helix.chain.chain_id}"),
            ({"address": outer}, "address", "registered already"),
            ({"protocol": "nobody"}, "protocol", "no protocol"),
            ({"address": helix.vault.address}, "address", "1.3.0, 1.4.1 or 1.5.0"),
        ]
        count = Safe.objects.count()
        for change, field, words in wrong:
            refused = cora.post("/api/v1/safes/", {**body, **change})
            error = refused.json()["errors"][0]
            assert (refused.status_code, error["field"]) == (400, field), refused.json()
            assert words in error["message"] + error["hint"], error
        assert Safe.objects.count() == count


def test_endpoints_that_disagree_register_nothing_and_confirm_nothing(helix: World) -> None:
    fresh = make_safe(helix.devnet.rpc, "1.4.1", [CAROL.address], 1)
    safe = safe_of(helix, "1.4.1", [CAROL.address, DAN.address], 2)
    proposal = helix.propose(*send(4), safe=safe)
    with RpcProxy(helix.devnet.url) as liar:
        Endpoint.objects.create(chain=helix.chain, url=liar.url)
        liar.add(Rewrite(methods=("eth_getCode",), path="result", value="0x60"))
        count = Safe.objects.count()
        with pytest.raises(Refused, match="disagree about this Safe") as refused:
            register(chain=helix.chain, address=fresh, label="x", actor="user:1")
        assert (refused.value.code, Safe.objects.count()) == ("endpoints-disagree", count)
        Safe.objects.update(read_at="2020-01-01T00:00Z")
        with pytest.raises(Refused, match="disagree about this Safe"):
            confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")
    assert not Confirmation.objects.exists()
