"""Simulation of transactions that nobody has signed yet, on real Safes, against what then really happens."""

import pytest
from eth_account import Account

from integrations.chain.abi import decode_call, encode_call
from integrations.devnet.chain import CAROL, CHAIN_ID, DAN, GUARDIAN_OWNERS
from integrations.safe import signatures
from integrations.safe.contracts import SUPPORTED, exec_transaction_data
from integrations.safe.hashes import SafeTx
from integrations.safe.reads import read_safe
from integrations.safe.simulate import simulate
from ledger.errors import Invalid
from tests.chain.conftest import Devnet
from tests.chain.safes import accounts, client_of, make_safe, mined, sign

SENDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_pause_of_the_demo_protocol_shows_what_changes(devnet: Devnet) -> None:
    client = client_of(devnet.url)
    state = read_safe(client, devnet.deployment.guardian_safe)
    vault = devnet.deployment.vault
    tx = SafeTx(CHAIN_ID, state.address, state.version, vault, data=encode_call("pause()"), nonce=state.nonce)
    found = simulate(client, tx, state)
    assert found.ok, found.revert
    assert not found.assumed_nonce
    changed = {change.address for change in found.state_diff}
    assert vault in changed
    nonce = [c for c in found.state_diff if c.address == state.address and int(c.field, 16) == 5]
    assert [(int(c.before, 16), int(c.after, 16)) for c in nonce] == [(state.nonce, state.nonce + 1)]
    assert {log.address for log in found.logs} >= {vault, state.address}
    assert int(devnet.rpc.call(vault, encode_call("paused()")).hex(), 16) == 0  # nothing happened


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_prediction_is_what_the_mined_transaction_does(devnet: Devnet, version: str) -> None:
    client = client_of(devnet.url)
    keys = accounts(3)
    safe = make_safe(devnet.rpc, version, [key.address for key in keys], 2)
    devnet.rpc("anvil_setBalance", safe, hex(10**18))
    state = read_safe(client, safe)
    tx = SafeTx(CHAIN_ID, safe, version, "0x" + "66" * 20, value=12345)
    found = simulate(client, tx, state, sender=SENDER)
    assert found.ok, found.revert
    predicted = {(c.address, c.field, int(c.after, 16)) for c in found.state_diff}
    blob = signatures.assemble([sign(tx, key) for key in keys[:2]])
    sent = {"from": SENDER, "to": safe, "data": "0x" + exec_transaction_data(tx, blob).hex()}
    tx_hash = mined(devnet.rpc, sent)["transactionHash"]
    actual = devnet.rpc(
        "debug_traceTransaction", tx_hash, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    )
    for address, field, after in predicted:
        post = actual["post"][address.lower()]
        raw = post[field] if field == "balance" else post["storage"][field]
        assert (int(raw, 16) if isinstance(raw, str) else raw) == after


def test_a_payment_to_the_owner_who_stands_in_for_the_sender_is_seen(devnet: Devnet) -> None:
    client = client_of(devnet.url)
    owners = sorted((key.address for key in accounts(3)), key=lambda one: int(one, 16))
    safe = make_safe(devnet.rpc, "1.4.1", owners, 2)
    devnet.rpc("anvil_setBalance", safe, hex(10**18))
    state = read_safe(client, safe)
    found = simulate(client, SafeTx(CHAIN_ID, safe, "1.4.1", owners[0], value=12345), state)
    paid = [c for c in found.state_diff if c.address == owners[0]]
    assert [(c.field, int(c.after, 0) - int(c.before, 0)) for c in paid] == [("balance", 12345)]
    assert {c.address for c in found.state_diff} == {owners[0], safe}


@pytest.mark.parametrize("version", SUPPORTED)
def test_a_hostile_change_of_the_threshold_is_seen(devnet: Devnet, version: str) -> None:
    """With an overridden threshold this would show no change at all."""
    client = client_of(devnet.url)
    keys = accounts(3)
    safe = make_safe(devnet.rpc, version, [key.address for key in keys], 3)
    state = read_safe(client, safe)
    tx = SafeTx(CHAIN_ID, safe, version, safe, data=encode_call("changeThreshold(uint256)", "", [1]))
    found = simulate(client, tx, state)
    assert found.ok, found.revert
    threshold = [c for c in found.state_diff if c.address == safe and int(c.field, 16) == 4]
    assert [(int(c.before, 16), int(c.after, 16)) for c in threshold] == [(3, 1)]


@pytest.mark.parametrize("version", SUPPORTED)
def test_why_it_would_fail_is_told_in_the_targets_own_words(devnet: Devnet, version: str) -> None:
    client = client_of(devnet.url)
    safe = make_safe(devnet.rpc, version, [accounts(1)[0].address], 1)
    state = read_safe(client, safe)
    usd = devnet.deployment.usd
    data = encode_call("transfer(address,uint256)", "", [SENDER, 10**30])
    found = simulate(client, SafeTx(CHAIN_ID, safe, version, usd, data=data), state)
    assert not found.ok
    assert found.revert
    assert not found.logs
    assert not any(change.address == usd for change in found.state_diff)
    # with safeTxGas the Safe swallows the failure: it is one all the same
    swallowed = simulate(client, SafeTx(CHAIN_ID, safe, version, usd, data=data, safe_tx_gas=100_000), state)
    assert not swallowed.ok
    assert swallowed.revert.startswith("the inner call failed")
    assert any(int(c.field, 16) == 5 for c in swallowed.state_diff if c.address == safe)


def test_a_later_nonce_is_assumed_and_said(devnet: Devnet) -> None:
    client = client_of(devnet.url)
    state = read_safe(client, devnet.deployment.guardian_safe)
    tx = SafeTx(CHAIN_ID, state.address, state.version, state.address, nonce=state.nonce + 7)
    found = simulate(client, tx, state)
    assert found.ok, found.revert
    assert found.assumed_nonce


def test_another_safes_state_is_refused(devnet: Devnet) -> None:
    client = client_of(devnet.url)
    state = read_safe(client, devnet.deployment.guardian_safe)
    with pytest.raises(Invalid):
        simulate(client, SafeTx(CHAIN_ID, devnet.deployment.council_safe, "1.4.1", state.address), state)


def test_the_guardian_owners_really_pause(devnet: Devnet) -> None:
    client = client_of(devnet.url)
    state = read_safe(client, devnet.deployment.guardian_safe)
    assert {owner.address for owner in GUARDIAN_OWNERS} == set(state.owners)
    tx = SafeTx(CHAIN_ID, state.address, state.version, devnet.deployment.vault, data=encode_call("pause()"))
    blob = signatures.assemble([sign(tx, Account.from_key(one.key)) for one in (CAROL, DAN)])
    data = exec_transaction_data(tx, blob)
    assert decode_call(
        "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)", data
    )
    assert mined(devnet.rpc, {"from": SENDER, "to": tx.safe, "data": "0x" + data.hex()})["status"] == "0x1"
    assert int(devnet.rpc.call(tx.to, encode_call("paused()")).hex(), 16) == 1
