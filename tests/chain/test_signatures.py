"""Signatures of all four kinds on real Safes of the three versions, nested in every pairing, executed by the workers."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from django.db import connection
from eth_account import Account
from eth_account.messages import encode_defunct

from governance.proposals import nesting
from governance.proposals.approving import propose_approval
from governance.proposals.models import NestedConfirmation, Proposal
from governance.proposals.selectors import quorum
from governance.proposals.services import confirm, reject
from governance.safes.models import Safe
from governance.safes.services import follow, refresh, register
from integrations.devnet.chain import CAROL, COUNCIL_1, DAN, ERIN
from integrations.devnet.safes import calldata
from ledger import Invalid
from tests.chain.conftest import Devnet
from tests.chain.safes import make_safe, mined
from tests.chain.transactions import make_executor
from tests.drain import settle
from tests.governance_world import KEYS, World, sign, world
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
    with pytest.raises(Invalid, match="not an owner of .* any more"):
        confirm(proposal=waiting, signature=sign(waiting, CAROL.address), actor="user:1")
    before = balance(helix)
    confirm(proposal=waiting, signature=sign(waiting, ERIN.address), actor="user:1")
    run(helix, waiting)
    assert (balance(helix), waiting.stopped) == (before + 3, None)
