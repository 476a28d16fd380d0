"""Real Safes of the three versions: our hashes are theirs, our reads are what they say, our signatures execute."""

from dataclasses import replace

import pytest
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from hypothesis import HealthCheck, given, settings

from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.client import Disagreement
from integrations.devnet.chain import CHAIN_ID
from integrations.devnet.proxy import Rewrite, RpcProxy
from integrations.safe import nested, signatures
from integrations.safe.contracts import (
    SUPPORTED,
    InnerCall,
    encode_multi_send,
    exec_transaction_data,
    execution_result,
    multi_send_address,
)
from integrations.safe.hashes import SafeTx
from integrations.safe.reads import approved_hashes, hash_by_contract, read_safe, read_safe_agreed
from ledger.errors import Invalid
from tests.chain.conftest import Devnet
from tests.chain.safes import accounts, client_of, make_safe, mined, sign
from tests.unit.test_safe_hashes import safe_txs

SOMEONE = "0x" + "5a" * 20


@pytest.mark.parametrize("version", SUPPORTED)
@given(tx=safe_txs())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_safe_computes_the_same_hash(devnet: Devnet, version: str, tx: SafeTx) -> None:
    owners = [one.address for one in accounts(1)]
    safe = _SAFES.get((devnet.url, version)) or make_safe(devnet.rpc, version, owners, 1)
    _SAFES[(devnet.url, version)] = safe
    if not devnet.rpc.code(safe):
        safe = _SAFES[(devnet.url, version)] = make_safe(devnet.rpc, version, owners, 1)
    ours = replace(tx, chain_id=CHAIN_ID, safe=safe, version=version)
    assert hash_by_contract(client_of(devnet.url), ours) == ours.hash


_SAFES: dict[tuple[str, str], str] = {}


@pytest.mark.parametrize("layer2", [False, True])
@pytest.mark.parametrize("version", SUPPORTED)
def test_a_safe_is_read_whole(devnet: Devnet, version: str, layer2: bool) -> None:
    owners = [one.address for one in accounts(3)]
    safe = make_safe(devnet.rpc, version, owners, 2, layer2)
    state = read_safe(client_of(devnet.url), safe.lower())
    assert (state.version, state.l2, state.threshold, state.nonce) == (version, layer2, 2, 0)
    assert set(state.owners) == set(owners)
    assert (state.guard, state.modules, state.module_guard) == (ZERO_ADDRESS, (), ZERO_ADDRESS)
    assert state.fallback_handler == devnet.deployment.fallback_handlers[version]
    assert state.proxy_version == version
    assert state.address == safe


@pytest.mark.parametrize("version", SUPPORTED)
def test_signatures_of_every_kind_execute_and_are_told_apart(devnet: Devnet, version: str) -> None:
    client = client_of(devnet.url)
    keys = accounts(3)
    inner = make_safe(devnet.rpc, "1.4.1", [accounts(1, seed=8000)[0].address], 1)
    safe = make_safe(devnet.rpc, version, [*(key.address for key in keys), inner], 4)
    tx = SafeTx(CHAIN_ID, safe, version, SOMEONE, data=b"\1\2\3")
    typed = sign(tx, keys[0])
    plain = signatures.parse(_personal(tx, keys[1]), tx.hash, owners=[key.address for key in keys])
    owner_state = read_safe(client, inner)
    asked = nested.message_hash_for_owner(tx, owner_state)
    inner_key = accounts(1, seed=8000)[0]
    answer = signatures.parse(bytes(inner_key.unsafe_sign_hash(bytes.fromhex(asked[2:])).signature), asked)
    contract = nested.signature_of_safe(owner_state, [answer])
    assert nested.holds(client, tx, contract)
    assert not nested.holds(client, tx, signatures.contract(inner, answer.bytes[:-1] + b"\x1d"))
    assert not nested.holds(client, tx.with_nonce(1), contract)
    _approve(devnet, keys[2], safe, tx.hash)
    assert approved_hashes(client, safe, [key.address for key in keys], tx.hash) == {keys[2].address}
    blob = signatures.assemble([contract, signatures.approved(keys[2].address), plain, typed])
    assert [one.kind for one in signatures.split(blob, tx.hash)].count(signatures.CONTRACT) == 1
    receipt = client.receipt(_execute(devnet, tx, blob))
    assert receipt is not None
    logs = [(log.address, log.topics, log.data) for log in receipt.logs]
    assert execution_result(safe, tx.hash, logs) is True
    assert read_safe(client, safe).nonce == 1


def test_a_contract_that_is_no_safe_is_refused(devnet: Devnet) -> None:
    client = client_of(devnet.url)
    for address in (devnet.deployment.vault, devnet.deployment.usd, SOMEONE):
        with pytest.raises(Invalid) as refused:
            read_safe(client, address)
        assert refused.value.field == "safe"


def test_a_singleton_that_only_claims_a_version_is_refused(devnet: Devnet) -> None:
    """One byte of its code differs: what it says of itself does not count."""
    safe = make_safe(devnet.rpc, "1.4.1", [accounts(1)[0].address], 1)
    client = client_of(devnet.url)
    singleton = read_safe(client, safe).singleton
    code = devnet.rpc.code(singleton)
    devnet.rpc("anvil_setCode", singleton, "0x" + code.hex() + "00")
    with pytest.raises(Invalid, match="known version"):
        read_safe(client, safe)


def test_one_lying_endpoint_is_seen(devnet: Devnet) -> None:
    safe = make_safe(devnet.rpc, "1.4.1", [accounts(1)[0].address], 1)
    with RpcProxy(devnet.url) as liar, RpcProxy(devnet.url) as honest:
        liar.add(Rewrite(methods=("eth_getCode",), path="result", value="0x60"))
        with pytest.raises((Disagreement, Invalid)):
            read_safe_agreed(client_of(devnet.url, liar.url), safe)
        three = client_of(devnet.url, liar.url, honest.url)
        assert read_safe_agreed(three, safe).address == safe


def test_a_batch_runs_as_it_was_packed(devnet: Devnet) -> None:
    key = accounts(1)[0]
    for version in SUPPORTED:
        safe = make_safe(devnet.rpc, version, [key.address], 1)
        devnet.rpc("anvil_setBalance", safe, hex(10**18))
        targets = ["0x" + f"{n:02x}" * 20 for n in (0x31, 0x32)]
        before = [int(devnet.rpc("eth_getBalance", target, "latest"), 16) for target in targets]
        data = encode_multi_send([InnerCall(target, 5, b"") for target in targets])
        tx = SafeTx(CHAIN_ID, safe, version, multi_send_address(version), data=data, operation=1)
        _execute(devnet, tx, signatures.assemble([sign(tx, key)]))
        after = [int(devnet.rpc("eth_getBalance", target, "latest"), 16) for target in targets]
        assert [b - a for a, b in zip(before, after, strict=True)] == [5, 5]


def _personal(tx: SafeTx, key: LocalAccount) -> bytes:
    return bytes(key.sign_message(encode_defunct(bytes.fromhex(tx.hash[2:]))).signature)


def _approve(devnet: Devnet, key: LocalAccount, safe: str, tx_hash: str) -> None:
    address = key.address
    devnet.rpc("anvil_setBalance", address, hex(10**18))
    devnet.rpc("anvil_impersonateAccount", address)
    mined(devnet.rpc, {"from": address, "to": safe, "data": "0xd4d9bdcd" + tx_hash[2:]})
    devnet.rpc("anvil_stopImpersonatingAccount", address)


def _execute(devnet: Devnet, tx: SafeTx, blob: bytes) -> str:
    sender = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    message = {"from": sender, "to": tx.safe, "data": "0x" + exec_transaction_data(tx, blob).hex()}
    devnet.rpc("eth_call", message, "latest")
    receipt = mined(devnet.rpc, message)
    assert receipt["status"] == "0x1"
    return str(receipt["transactionHash"])
