"""Every kind of signature both ways on real Safes, where only the chain can say what an approval is worth."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from governance.exchange.models import Oddity
from governance.proposals import nesting
from governance.proposals.models import Proposal
from governance.proposals.services import confirm
from governance.safes.models import Safe
from governance.safes.services import register
from integrations.devnet.chain import CAROL, DAN, ERIN
from integrations.devnet.safes import calldata
from integrations.safe.hashes import SafeTx
from integrations.safe.signatures import approved, assemble, contract, parse
from tests.chain.conftest import Devnet
from tests.chain.safes import make_safe, mined
from tests.exchanging import exchange, service_of
from tests.governance_world import KEYS, World, sign, world
from tests.safe_service import FakeService, entry_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


@pytest.fixture
def there(helix: World, settings: Any) -> Iterator[FakeService]:
    with service_of(helix.chain, settings) as made:
        yield made


def over(digest: str, owner: str) -> bytes:
    return bytes(Account.unsafe_sign_hash(bytes.fromhex(digest[2:]), KEYS[owner]).signature)


def personal(digest: str, owner: str) -> bytes:
    raw = bytearray(Account.sign_message(encode_defunct(bytes.fromhex(digest[2:])), KEYS[owner]).signature)
    raw[64] += 4
    return bytes(raw)


def family(helix: World, version: str) -> tuple[Safe, Safe]:
    """A Safe with three people and a Safe of two of them as its owners."""
    made = []
    for owners, label in (([CAROL.address, ERIN.address], "Child"), ([], "Parent")):
        owners = owners or [CAROL.address, DAN.address, ERIN.address, made[0].address]
        address = make_safe(helix.devnet.rpc, version, owners, len(owners))
        helix.devnet.rpc("anvil_setBalance", address, hex(10**18))
        made.append(register(chain=helix.chain, address=address, label=label, actor="user:1"))
    return made[1], made[0]


def approve(helix: World, tx: SafeTx, owner: str) -> None:
    data = calldata("approveHash(bytes32)", bytes.fromhex(tx.hash[2:]))
    mined(helix.devnet.rpc, {"from": owner, "to": tx.safe, "data": "0x" + data.hex()})


def of_child(tx: SafeTx, child: Safe, *owners: str) -> str:
    """The owning Safe's signature, filled up to whole words as some releases of the service give it."""
    digest = nesting.message_hash(tx, child)
    return contract(child.address, assemble(parse(over(digest, owner), digest) for owner in owners)).hex + "00" * 30


@pytest.mark.parametrize("version", ["1.4.1", "1.5.0"])
def test_all_four_kinds_come_in_and_only_what_the_chain_confirms(
    helix: World, there: FakeService, version: str
) -> None:
    parent, child = family(helix, version)
    tx = SafeTx(parent.chain.chain_id, parent.address, version, to=DAN.address, value=5, nonce=parent.nonce)
    claims = (approved(ERIN.address).hex, of_child(tx, child, CAROL.address))
    there.has(entry_of(tx, *claims))
    assert exchange(parent).unsigned == 1  # Erin has approved nothing, and one of the child's two owners is too few
    assert not Proposal.objects.exists()
    signed = ["0x" + over(tx.hash, CAROL.address).hex(), "0x" + personal(tx.hash, DAN.address).hex()]
    there.has(entry_of(tx, *claims, *signed))
    exchange(parent)
    proposal = Proposal.objects.get()
    assert set(proposal.confirmations.values_list("kind", flat=True)) == {"eip712", "eth_sign"}
    assert {one.kind for one in Oddity.objects.all()} == {"signature"}
    approve(helix, tx, ERIN.address)
    Oddity.objects.all().delete()  # as after the while that such a one is not looked at again
    there.has(entry_of(tx, *claims, *signed, of_child(tx, child, CAROL.address, ERIN.address)))
    exchange(parent)
    proposal.refresh_from_db()
    assert proposal.status == "ready"
    assert dict(proposal.confirmations.values_list("owner", "kind")) == {
        CAROL.address: "eip712",
        DAN.address: "eth_sign",
        ERIN.address: "approved",
        child.address: "contract",
    }


def test_all_four_kinds_go_out_and_a_rejection_beside_them(helix: World, there: FakeService) -> None:
    parent, child = family(helix, "1.4.1")
    proposal = helix.propose({"to": DAN.address, "value": "5", "data": "0x"}, safe=parent)
    tx = proposal.safe_tx
    approve(helix, tx, ERIN.address)
    confirm(proposal=proposal, signature=approved(ERIN.address).bytes, actor="user:1")
    for owner in (CAROL, ERIN):
        confirm(proposal=proposal, signature=over(nesting.message_hash(tx, child), owner.address), actor="user:1")
    exchange(parent)
    assert len(there.posted) == 2
    for raw in (over(tx.hash, CAROL.address), personal(tx.hash, DAN.address)):
        confirm(proposal=proposal, signature=raw, actor="user:1")
    exchange(parent)
    found = [parse(one, tx.hash, [*parent.owners]) for one in there.signatures_of(tx.hash)]
    assert {one.owner: one.kind for one in found} == {
        CAROL.address: "eip712",
        DAN.address: "eth_sign",
        ERIN.address: "approved",
        child.address: "contract",
    }
    rejection = helix.propose({"to": parent.address, "value": "0", "data": "0x"}, safe=parent, nonce=proposal.nonce)
    confirm(proposal=rejection, signature=sign(rejection, CAROL.address), actor="user:1")
    exchange(parent)
    assert rejection.safe_tx_hash in there.entries


def test_a_removed_owner_brings_nothing_in(helix: World, there: FakeService) -> None:
    safe = helix.guardian
    plain = SafeTx(safe.chain.chain_id, safe.address, safe.version, to=helix.vault.address, data=b"\x84\x56\xcb\x59")
    rpc = helix.devnet.rpc
    rpc("anvil_impersonateAccount", safe.address)
    rpc("anvil_setBalance", safe.address, hex(10**18))
    sentinel = "0x" + "0" * 39 + "1"
    data = calldata("removeOwner(address,address,uint256)", sentinel, CAROL.address, 2)
    mined(rpc, {"from": safe.address, "to": safe.address, "data": "0x" + data.hex()})
    Safe.objects.update(read_at="2026-01-01T00:00Z")  # as some seconds later
    other = replace(plain, nonce=1)
    there.has(entry_of(plain, "0x" + over(plain.hash, CAROL.address).hex()))
    there.has(entry_of(other, "0x" + over(other.hash, DAN.address).hex()))
    state = exchange(safe)
    assert (state.unsigned, [one.nonce for one in Proposal.objects.all()]) == (1, [1])


def test_a_chain_that_cannot_be_read_is_not_its_fault(helix: World, there: FakeService) -> None:
    helix.chain.endpoints.update(enabled=False)
    Safe.objects.update(read_at="2026-01-01T00:00Z")
    state = exchange(helix.guardian)
    assert (state.problem, state.failing_since, there.asked) == ("", None, 0)
