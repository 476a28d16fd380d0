"""What we hold for the known Safe contracts, against the published package; batches, strictly."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safe_eth.safe.multi_send import MultiSendOperation, MultiSendTx

from integrations.chain.addresses import ZERO_ADDRESS, checksum
from integrations.chain.hashing import keccak
from integrations.devnet.safe_contracts import PACKAGES
from integrations.safe import contracts as c
from integrations.safe.errors import explain
from integrations.safe.hashes import SafeTx
from ledger.errors import Invalid

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "node_modules/@safe-global/safe-deployments/dist/assets"
SAFE = "0xd9Db270c1B5E3Bd161E8c8503c55cEABeE709552"
addresses = st.binary(min_size=20, max_size=20).map(checksum).filter(lambda one: one != ZERO_ADDRESS)
inner_calls = st.builds(c.InnerCall, addresses, st.integers(0, 2**256 - 1), st.binary(max_size=100))


def published(version: str, file: str) -> list[dict[str, Any]]:
    document = json.loads((ASSETS / f"v{version}" / f"{file}.json").read_text())
    return [entry for name, entry in document["deployments"].items() if name != "zksync"]


@pytest.mark.parametrize("singleton", c.SINGLETONS, ids=lambda one: f"{one.version}{'-l2' if one.l2 else ''}")
def test_singletons_are_the_published_ones(singleton: c.Singleton) -> None:
    file = ("gnosis_safe" if singleton.version == "1.3.0" else "safe") + ("_l2" if singleton.l2 else "")
    entries = published(singleton.version, file)
    assert {entry["address"] for entry in entries} == set(singleton.addresses)
    assert {entry["codeHash"] for entry in entries} == {singleton.code_hash}


@pytest.mark.parametrize("version", c.SUPPORTED)
def test_batches_and_handlers_are_the_published_ones(version: str) -> None:
    entries = published(version, "multi_send_call_only")
    assert {entry["address"] for entry in entries} == set(c.MULTI_SEND_CALL_ONLY[version])
    assert {entry["codeHash"] for entry in entries} == {c.MULTI_SEND_CALL_ONLY_CODE_HASHES[version]}
    handlers = published(version, "compatibility_fallback_handler")
    handlers += published(version, "extensible_fallback_handler") if version == "1.5.0" else []
    for entry in handlers:
        assert c.FALLBACK_HANDLERS[entry["address"]] == version
        assert c.FALLBACK_HANDLER_CODE_HASHES[entry["address"]] == entry["codeHash"]
    assert set(c.FALLBACK_HANDLER_CODE_HASHES) == set(c.FALLBACK_HANDLERS)


@pytest.mark.parametrize("version", c.SUPPORTED)
def test_proxies_are_the_published_ones(version: str) -> None:
    name = "GnosisSafeProxy" if version == "1.3.0" else "SafeProxy"
    path = ROOT / "node_modules" / PACKAGES[version] / f"build/artifacts/contracts/proxies/{name}.sol/{name}.json"
    code = bytes.fromhex(json.loads(path.read_text())["deployedBytecode"][2:])
    assert c.PROXY_CODE_HASHES["0x" + keccak(code).hex()] == version


@given(st.lists(inner_calls, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_batch_reads_back_and_the_library_packs_it_alike(calls: list[c.InnerCall]) -> None:
    data = c.encode_multi_send(calls)
    packed = b"".join(
        bytes(MultiSendTx(MultiSendOperation.CALL, one.to, one.value, one.data).encoded_data) for one in calls
    )
    assert packed in data
    for version in c.SUPPORTED:
        assert c.decode_multi_send(data, version=version, safe=SAFE) == calls


def test_what_a_batch_would_do_otherwise_is_refused() -> None:
    one = c.InnerCall(SAFE, 0, b"\1\2\3")
    data = c.encode_multi_send([one])
    with pytest.raises(Invalid, match="empty"):
        c.encode_multi_send([])
    with pytest.raises(Invalid, match="zero address"):
        c.encode_multi_send([c.InnerCall(ZERO_ADDRESS, 0, b"")])
    with pytest.raises(Invalid, match="beyond"):
        c.decode_multi_send(data + b"\0", version="1.4.1", safe=SAFE)
    delegate = data[:68] + b"\1" + data[69:]
    with pytest.raises(Invalid, match="delegate call"):
        c.decode_multi_send(delegate, version="1.4.1", safe=SAFE)
    longer = bytearray(data)
    longer[68 + 84] = 9
    with pytest.raises(Invalid, match="past its end"):
        c.decode_multi_send(bytes(longer), version="1.4.1", safe=SAFE)


def test_the_zero_address_means_the_safe_itself_since_1_5_0() -> None:
    data = bytearray(c.encode_multi_send([c.InnerCall(SAFE, 0, b"")]))
    data[69:89] = bytes(20)
    assert c.decode_multi_send(bytes(data), version="1.5.0", safe=SAFE)[0].to == SAFE
    assert c.decode_multi_send(bytes(data), version="1.4.1", safe=SAFE)[0].to == ZERO_ADDRESS


def test_an_execution_reads_back_and_nothing_hides_behind_it() -> None:
    tx = SafeTx(731337, SAFE, "1.4.1", SAFE, 5, b"\1\2", 1, 7, 8, 9, SAFE, SAFE, 3)
    data = c.exec_transaction_data(tx, b"\5" * 65)
    assert c.read_exec_transaction(data, chain_id=731337, safe=SAFE, version="1.4.1", nonce=3) == tx
    with pytest.raises(Invalid):
        c.read_exec_transaction(data + b"\0" * 32, chain_id=731337, safe=SAFE, version="1.4.1", nonce=3)


def test_error_codes_are_put_into_words() -> None:
    assert explain("GS026").startswith("GS026: a signature is not an owner's")
    assert explain("something else") == "something else"
