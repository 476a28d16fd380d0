"""Proposing and signing on real Safes of the three versions; everything that must be refused, and why."""

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from governance.proposals.models import Confirmation, Proposal
from governance.proposals.review import review
from governance.proposals.selectors import waiting_for
from governance.proposals.services import confirm, propose, reject, withdraw
from governance.safes.services import refresh, register
from integrations.chain.abi import encode_call
from integrations.chain.client import client_for
from integrations.chain.hashing import keccak
from integrations.devnet.chain import CAROL, COUNCIL_1, DAN, ERIN
from integrations.devnet.safes import calldata
from integrations.safe.hashes import safe_tx_hash
from integrations.safe.reads import hash_by_contract
from ledger import Invalid, Refused
from ledger.models import Event
from tests.chain.conftest import Devnet
from tests.governance_world import KEYS, World, sign, world
from tests.people import caller, person, wallet_of
from tests.safe_txs import generated
from work.models import Work

pytestmark = pytest.mark.django_db


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


@pytest.mark.parametrize("version", ["1.3.0", "1.4.1", "1.5.0"])
def test_a_safe_of_each_version_is_proposed_to_and_signed(helix: World, version: str) -> None:
    safe = helix.safe_of(version)
    assert (safe.version, safe.threshold, len(safe.owners)) == (version, 2, 3)
    send = {"to": DAN.address, "value": "5", "data": "0x"}
    proposal = helix.propose(send, {"to": ERIN.address, "value": "6", "data": "0x"}, safe=safe)
    assert proposal.operation == 1
    tx = proposal.safe_tx
    assert hash_by_contract(client_for(safe.chain), tx) == proposal.safe_tx_hash == safe_tx_hash(tx)
    found = review(proposal)
    assert found.simulation["ok"] is True
    assert not found.blocking
    assert [call.value for call in found.calls] == [5, 6]
    first = confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")
    assert (first.owner, first.kind) == (CAROL.address, "eip712")
    proposal.refresh_from_db()
    assert proposal.status == "signing"
    confirm(proposal=proposal, signature=sign(proposal, ERIN.address), actor="user:2")
    proposal.refresh_from_db()
    assert proposal.status == "ready"
    assert not Work.objects.filter(kind="governance.execute").exists()


@pytest.mark.parametrize("version", ["1.3.0", "1.4.1", "1.5.0"])
def test_the_contract_itself_agrees_on_generated_transactions(helix: World, version: str) -> None:
    safe = helix.safe_of(version)
    client = client_for(helix.chain)
    for tx in generated(version, 25):
        here = replace(tx, chain_id=helix.chain.chain_id, safe=safe.address)
        assert hash_by_contract(client, here) == safe_tx_hash(here)


def test_a_pause_is_shown_in_words_with_what_it_changes(helix: World) -> None:
    found = review(helix.propose())
    assert found.calls[0].sentence == "pause() on HelixVault"
    assert [one.finding for one in found.findings] == ["allow_list"]  # only that there is none
    changes = {(one["label"], one["what"]): (one["before"], one["after"]) for one in found.simulation["meanings"]}
    assert changes["HelixVault", "paused"] == ("false", "true")
    assert changes["Guardian Safe", "nonce"] == ("0", "1")


def test_what_is_approved_moved_and_granted_is_shown_as_it_is_before_and_after(helix: World) -> None:
    """Of a token that nobody registered, and of a role: asked of the contracts on both sides of the simulation."""
    usd, vault, safe = helix.devnet.deployment.usd, helix.vault, helix.guardian.address
    approve = encode_call("approve(address,uint256)", "", [DAN.address, 2**256 - 1])
    role = keccak(b"GUARDIAN_ROLE")
    leave = encode_call(vault.abi, "renounceRole", [role, safe])
    asked = [(usd, approve), (vault.address, leave), (usd, encode_call("faucet()"))]
    found = review(helix.propose(*({"to": to, "value": "0", "data": "0x" + data.hex()} for to, data in asked)))
    assert found.simulation["ok"] is True, found.simulation["revert"]
    changes = {(one["label"], one["what"]): (one["before"], one["after"]) for one in found.simulation["meanings"]}
    who = f"an owner {DAN.address[:6]}…{DAN.address[-4:]}"
    mine = f"Guardian Safe {safe[:6]}…{safe[-4:]}"
    assert changes[f"{usd} (by its own word)", f"what {who} may spend of {mine}"] == ("0", "without limit")
    before, after = changes[f"{usd} (by its own word)", f"balance of {mine}"]
    assert int(after) - int(before) == 10_000 * 10**6
    assert changes["HelixVault", f"whether {mine} has GUARDIAN_ROLE"] == ("yes", "no")
    assert found.simulation["left_out"] == 0
    texts = [call.code.text for call in found.calls if call.code]
    assert texts[1] == "code as it was registered" and "nobody registered" in texts[0]
    assert found.carrier and found.carrier.text == "the pinned MultiSendCallOnly"


def test_a_wrong_owner_is_named_and_nothing_is_stored(helix: World) -> None:
    proposal = helix.propose()
    stranger = Account.from_key(COUNCIL_1.key)
    signature = "0x" + bytes(stranger.unsafe_sign_hash(bytes.fromhex(proposal.safe_tx_hash[2:])).signature).hex()
    with pytest.raises(Invalid, match=COUNCIL_1.address) as caught:
        confirm(proposal=proposal, signature=signature, actor="user:1")
    assert caught.value.field == "signature"
    assert proposal.safe_tx_hash in caught.value.hint
    assert not Confirmation.objects.exists()


def test_a_signature_over_another_hash_is_refused(helix: World) -> None:
    proposal = helix.propose()
    other = helix.propose({"to": DAN.address, "value": "0", "data": "0x"}, nonce=7)
    with pytest.raises(Invalid, match="not an owner"):
        confirm(proposal=proposal, signature=sign(proposal, CAROL.address, digest=other.safe_tx_hash), actor="user:1")


def test_each_owner_counts_once_however_the_signature_is_spelled(helix: World) -> None:
    proposal = helix.propose()
    plain = bytes.fromhex(sign(proposal, CAROL.address)[2:])
    confirm(proposal=proposal, signature=plain, actor="user:1")
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    flipped = plain[:32] + (order - int.from_bytes(plain[32:64])).to_bytes(32) + bytes([55 - plain[64]])
    personal = Account.sign_message(encode_defunct(bytes.fromhex(proposal.safe_tx_hash[2:])), KEYS[CAROL.address])
    for again in (plain, plain[:64] + bytes([plain[64] - 27]), flipped, bytes(personal.signature)):
        with pytest.raises(Invalid, match="has signed this already"):
            confirm(proposal=proposal, signature=again, actor="user:1")
    assert Confirmation.objects.count() == 1


def test_eth_sign_is_taken_as_what_it_is(helix: World) -> None:
    proposal = helix.propose()
    personal = Account.sign_message(encode_defunct(bytes.fromhex(proposal.safe_tx_hash[2:])), KEYS[DAN.address])
    row = confirm(proposal=proposal, signature=bytes(personal.signature), actor="user:1")
    assert (row.owner, row.kind) == (DAN.address, "eth_sign")


def test_an_approved_hash_counts_only_when_the_chain_says_so(helix: World) -> None:
    proposal = helix.propose()
    claim = bytes(12) + bytes.fromhex(DAN.address[2:]) + bytes(32) + b"\x01"
    with pytest.raises(Invalid, match="does not confirm"):
        confirm(proposal=proposal, signature=claim, actor="user:1")
    data = calldata("approveHash(bytes32)", bytes.fromhex(proposal.safe_tx_hash[2:]))
    helix.devnet.rpc(
        "eth_sendTransaction", {"from": DAN.address, "to": helix.guardian.address, "data": "0x" + data.hex()}
    )
    helix.devnet.rpc("evm_mine")
    assert confirm(proposal=proposal, signature=claim, actor="user:1").kind == "approved"


@pytest.mark.parametrize("bad", ["", "0x", "hello", "0x" + "00" * 65, "0x" + "11" * 64, "0x" + "ff" * 65, 7, None])
def test_what_is_no_signature_is_a_field_error(helix: World, bad: Any) -> None:
    proposal = helix.propose()
    with pytest.raises(Invalid) as caught:
        confirm(proposal=proposal, signature=bad, actor="user:1")
    assert caught.value.field == "signature"


def test_altered_calldata_stops_everything(helix: World) -> None:
    proposal = helix.propose()
    signature = sign(proposal, CAROL.address)
    Proposal.objects.filter(pk=proposal.pk).update(data=bytes.fromhex("3f4ba83a"))
    with pytest.raises(Refused, match="were altered") as caught:
        confirm(proposal=proposal, signature=signature, actor="user:1")
    assert caught.value.code == "tampered"
    proposal.refresh_from_db()
    assert not review(proposal).signable
    assert "altered" in review(proposal).tampered


def test_altered_calls_beside_an_intact_transaction_are_seen(helix: World) -> None:
    proposal = helix.propose()
    Proposal.objects.filter(pk=proposal.pk).update(calls=[{**helix.pause, "value": "1"}])
    with pytest.raises(Refused, match="not what its transaction does"):
        confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")


def test_a_used_nonce_supersedes(helix: World) -> None:
    proposal = helix.propose()
    helix.devnet.rpc("anvil_setStorageAt", helix.guardian.address, "0x" + "0" * 63 + "5", f"0x{3:064x}")
    helix.devnet.rpc("evm_mine")
    refresh(safe=helix.guardian)
    with pytest.raises(Refused, match="Nonce 0 is used up: the Safe is at 3"):
        confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")
    proposal.refresh_from_db()
    assert proposal.status == "superseded"
    with pytest.raises(Invalid, match="used up") as caught:
        helix.propose(nonce=2)
    assert caught.value.field == "nonce"


def test_a_call_that_would_fail_cannot_be_signed(helix: World) -> None:
    upgrade = {"to": helix.vault.address, "value": "0", "data": "0x3f4ba83a"}  # unpause(): the guardian may not
    proposal = helix.propose(upgrade, title="Unpause")
    with pytest.raises(Refused, match="It would fail") as caught:
        confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")
    assert caught.value.code == "blocking-finding"


def test_a_removed_owner_no_longer_counts(helix: World) -> None:
    proposal = helix.propose()
    rpc, guardian = helix.devnet.rpc, helix.guardian.address
    sentinel = "0x" + "0" * 39 + "1"
    rpc("anvil_impersonateAccount", guardian)
    rpc("anvil_setBalance", guardian, hex(10**18))
    data = calldata("removeOwner(address,address,uint256)", sentinel, CAROL.address, 2)
    rpc("eth_sendTransaction", {"from": guardian, "to": guardian, "data": "0x" + data.hex()})
    rpc("evm_mine")
    refresh(safe=helix.guardian)
    event = Event.objects.get(verb="safe.owners.changed")
    assert event.alarm is not None
    with pytest.raises(Invalid, match="not an owner"):
        confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")


def test_rejecting_and_withdrawing(helix: World) -> None:
    proposal = helix.propose()
    empty = reject(proposal=proposal, actor="user:1")
    assert (empty.nonce, empty.to, bytes(empty.data), empty.auto_execute) == (0, helix.guardian.address, b"", True)
    assert [one.grade for one in review(empty).findings] == ["note"]
    with pytest.raises(Invalid, match="why"):
        withdraw(proposal=proposal, actor="user:1", reason=" ")
    withdraw(proposal=proposal, actor="user:1", reason="a mistake")
    with pytest.raises(Refused, match="takes no more signatures"):
        confirm(proposal=proposal, signature=sign(proposal, CAROL.address), actor="user:1")


@pytest.mark.parametrize(
    ("calls", "field"),
    [
        ([], "calls"),
        ([{"to": "0x12", "value": "0", "data": "0x"}], "calls.0.to"),
        ([{"to": CAROL.address[:-1] + "9", "value": "0", "data": "0x"}], "calls.0.to"),
        ([{"to": CAROL.address, "value": "-1", "data": "0x"}], "calls.0.value"),
        ([{"to": CAROL.address, "value": str(2**256), "data": "0x"}], "calls.0.value"),
        ([{"to": CAROL.address, "value": "0", "data": "0x1"}], "calls.0.data"),
        ([{"to": CAROL.address, "value": "0", "data": "0x", "operation": 1}], "calls.0.operation"),
        ([{"to": CAROL.address, "value": "0", "data": "0x"}] * 101, "calls"),
        (["x"], "calls.0"),
    ],
)
def test_bad_calls_name_the_field(helix: World, calls: list[Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        propose(safe=helix.guardian, calls=calls, title="x", actor="user:1")
    assert caught.value.field == field
    assert not Proposal.objects.exists()


def test_the_very_same_transaction_is_proposed_once(helix: World) -> None:
    helix.propose(nonce=3)
    with pytest.raises(Invalid, match="already proposed"):
        helix.propose(nonce=3)


def test_what_is_no_safe_is_refused(helix: World) -> None:
    for address, words in ((CAROL.address, "No contract"), (helix.vault.address, "not a Safe")):
        with pytest.raises(Invalid, match=words):
            register(chain=helix.chain, address=address, label="x", actor="user:1")


def test_the_whole_way_through_the_api(helix: World) -> None:
    rita = caller(person("rita", "responder"))
    body = {"safe": helix.guardian.pk, "title": "Pause", "calls": [helix.pause]}
    first = rita.post("/api/v1/proposals/", body, headers={"Idempotency-Key": "one"})
    again = rita.post("/api/v1/proposals/", body, headers={"Idempotency-Key": "one"})
    assert (first.status_code, again.json(), Proposal.objects.count()) == (201, first.json(), 1)
    where = first.headers["Location"]
    proposal = Proposal.objects.get()
    found = rita.get(f"{where}review/").json()
    assert (found["signable"], found["words"]) == (True, ["pause() on HelixVault"])
    assert [(one["finding"], one["grade"]) for one in found["findings"]] == [("allow_list", "note")]
    owner = person("carol", "viewer")
    wallet_of(owner, Account.from_key(KEYS[CAROL.address]))
    assert [one.pk for one in waiting_for(owner)] == [proposal.pk]
    stranger = sign(proposal, CAROL.address, digest="0x" + "11" * 32)
    refused = caller(owner).post(f"{where}confirmations/", {"signature": stranger})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "signature")
    assert "not an owner" in refused.json()["errors"][0]["message"]
    signed = caller(owner).post(f"{where}confirmations/", {"signature": sign(proposal, CAROL.address)})
    assert (signed.status_code, signed.json()["owner"]) == (201, CAROL.address)
    assert (signed.json()["signed"], signed.json()["threshold"]) == (1, 2)
    assert waiting_for(owner) == []
    assert rita.get(where).json()["confirmations"][0]["owner"] == CAROL.address
    helix.devnet.rpc("anvil_setStorageAt", helix.guardian.address, "0x" + "0" * 63 + "5", f"0x{3:064x}")
    helix.devnet.rpc("evm_mine")
    refresh(safe=helix.guardian)
    late = rita.post(f"{where}confirmations/", {"signature": sign(proposal, DAN.address)})
    assert (late.status_code, late.json()["type"]) == (409, "urn:breakglass:problem:stale-nonce")
    assert rita.get(where).json()["status"] == "superseded"
