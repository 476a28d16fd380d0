"""A remote signer: what it signs is read back field by field; one that is slow, refuses, lies or hangs up."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account

from integrations.chain.client import client_for
from integrations.chain.executors import add_remote_executor, watching
from integrations.chain.executors.remote import SignerConfig
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions import services, turns
from integrations.chain.transactions.models import SignedAttempt
from integrations.devnet.anvil import Anvil
from ledger.models import Event
from tests.chain.transactions import ACTOR, FOREIGN_TO, count, drive, due_now, increment, once, turn
from tests.signerserver import SignerServer
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def signer() -> Iterator[SignerServer]:
    with SignerServer(token="quite-secret").running() as server:
        yield server


@pytest.fixture
def remote(chain: Chain, node: Anvil, signer: SignerServer) -> Executor:
    node.rpc("anvil_setBalance", signer.account.address, hex(10**19))
    config = SignerConfig(signer.url, token="quite-secret", timeout=1)
    return add_remote_executor(
        chain=chain, label="far", environment="devnet", address=signer.account.address, signer=config, actor=ACTOR
    )


def alarms(executor: Executor) -> list[tuple[str, bool]]:
    found = Event.objects.filter(subject=executor.subject, verb__startswith="executor.trouble").order_by("pk")
    return [(event.alarm["key"].split(":")[0], event.alarm["cleared"]) for event in found]


def test_a_remote_signer_signs_and_it_is_mined_once(node: Anvil, remote: Executor, signer: SignerServer) -> None:
    tx = drive(increment(remote, data=b"\1\2", value=3), "mined")
    once(node, remote, tx)
    (asked,) = signer.signed_requests()
    assert (asked["from"], asked["data"], asked["value"], asked["nonce"]) == (remote.address, "0x0102", "0x3", "0x0")
    assert int(asked["chainId"], 16) == remote.chain.chain_id
    drive(tx, "final", rpc=node.rpc)


def test_what_it_is_told_shows_nowhere(remote: Executor) -> None:
    shown = f"{remote!r} {remote} {vars(remote)} {list(Event.objects.values())} {list(Executor.objects.values())}"
    assert "quite-secret" not in shown
    assert remote.signer_name in shown


@pytest.mark.parametrize("mode", ["hang-up", "refuse", "garbage", "wrong-shape", "slow"])
def test_one_that_does_not_sign_is_waited_for_and_told_of(
    node: Anvil, remote: Executor, signer: SignerServer, mode: str
) -> None:
    signer.mode, signer.seconds = mode, 3
    tx = increment(remote)
    for _ in range(3):
        turn(tx)
        due_now(tx)
    assert (tx.status, tx.nonce) == ("reserved", 0)
    assert not SignedAttempt.objects.exists()
    assert alarms(remote) == [("executor_signing", False)]  # once, however often it fails
    assert Work.objects.get(key=str(tx.pk)).failures == 0
    signer.mode = "honest"
    drive(tx, "mined")
    once(node, remote, tx)
    assert alarms(remote)[-1] == ("executor_signing", True)


LIES: list[dict[str, Any]] = [
    {"to": FOREIGN_TO},
    {"value": 1},
    {"data": "0xdeadbeef"},
    {"nonce": 7},
    {"chainId": 10},
    {"maxFeePerGas": 10**15},
    {"maxPriorityFeePerGas": 1},
    {"gas": 29_000_000},
    {"accessList": [{"address": FOREIGN_TO, "storageKeys": []}]},
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: next(iter(lie)))
def test_one_that_signs_something_else_is_found_out_before_anything_is_stored(
    node: Anvil, remote: Executor, signer: SignerServer, lie: dict[str, Any]
) -> None:
    signer.changes = lie
    tx = drive(increment(remote), "unknown")
    assert "signed something else" in tx.reason
    assert not SignedAttempt.objects.exists()
    assert node.rpc.nonce(remote.address) == count(node.rpc) == 0
    assert Event.objects.get(verb="executor.trouble.found").alarm["severity"] == "SEV1"
    signer.changes = {}
    services.resolve(transaction=tx, choice=services.LOOK_AGAIN, actor="user:1")
    drive(tx, "mined")
    once(node, remote, tx)


def test_another_key_is_found_out(remote: Executor, signer: SignerServer) -> None:
    signer.signs_with = Account.create()
    tx = drive(increment(remote), "unknown")
    assert f"signed by {signer.signs_with.address} instead of {remote.address}" in tx.reason
    assert not SignedAttempt.objects.exists()


def test_a_crash_between_signing_and_storing_signs_the_same_content_again(
    node: Anvil, remote: Executor, signer: SignerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tx = increment(remote)
    crashed: list[str] = []

    def point(name: str) -> None:
        if name == "tx.signed" and not crashed:
            crashed.append(name)
            raise SystemExit  # the worker is gone with what it held in its hands

    monkeypatch.setattr(turns.faults, "point", point)
    with pytest.raises(SystemExit):
        turn(tx)
    tx.refresh_from_db()
    assert tx.status == "reserved"
    Work.objects.filter(key=str(tx.pk)).update(status="waiting", lease_until=None, run_at="2026-01-01T00:00:00Z")
    drive(tx, "mined")
    once(node, remote, tx)
    first, second = signer.signed_requests()
    same = ("from", "to", "nonce", "value", "data", "gas", "chainId")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert tx.attempts.count() == 1


def test_a_lie_in_a_replacement_leaves_the_first_bytes_in_force(
    node: Anvil, remote: Executor, signer: SignerServer
) -> None:
    node.rpc("evm_setAutomine", False)
    Chain.objects.update(stuck_after=0)
    tx = drive(increment(remote), "broadcast")
    signer.changes = {"value": 10**18}
    for _ in range(2):
        due_now(tx)
        turn(tx)
    assert (tx.status, tx.attempts.count()) == ("broadcast", 1)
    assert alarms(remote) == [("executor_signing", False)]
    node.rpc("evm_mine")
    due_now(tx)
    drive(tx, "mined")
    once(node, remote, tx)


def test_one_that_is_down_or_lost_the_key_is_seen_before_it_is_needed(remote: Executor, signer: SignerServer) -> None:
    client = client_for(remote.chain)
    watching.look_at(client, [remote])
    assert alarms(remote) == []
    signer.accounts = []
    for _ in range(2):
        watching.look_at(client, [remote])
    remote.refresh_from_db()
    assert "does not hold the key" in remote.troubles["signer"]["words"]
    signer.accounts = [remote.address]
    watching.look_at(client, [remote])
    assert alarms(remote) == [("executor_signer", False), ("executor_signer", True)]


def test_a_wrong_token_is_said_in_words(chain: Chain, node: Anvil, signer: SignerServer) -> None:
    node.rpc("anvil_setBalance", signer.account.address, hex(10**19))
    executor = add_remote_executor(
        chain=chain,
        label="far",
        environment="devnet",
        address=signer.account.address,
        signer=SignerConfig(signer.url, token="wrong", timeout=1),
        actor=ACTOR,
    )
    tx = increment(executor)
    turn(tx)
    executor.refresh_from_db()
    assert "does not know us" in executor.troubles["signing"]["words"]
