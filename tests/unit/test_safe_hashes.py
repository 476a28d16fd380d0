"""Hashes of Safe transactions against an independent implementation (safe-eth-py, eth_account), for every version."""

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st
from safe_eth.safe import SafeTx as LibrarySafeTx

from integrations.chain.addresses import checksum
from integrations.chain.hashing import keccak
from integrations.safe.hashes import (
    HASHABLE,
    SafeTx,
    domain_separator,
    message_hash,
    preimage,
    safe_message_hash,
    safe_tx_hash,
    typed_data,
)
from ledger.errors import Invalid

addresses = st.binary(min_size=20, max_size=20).map(checksum)
uints = st.one_of(st.integers(0, 2**256 - 1), st.integers(0, 1000))
SAFE = "0xd9Db270c1B5E3Bd161E8c8503c55cEABeE709552"


@st.composite
def safe_txs(draw: st.DrawFn, versions: tuple[str, ...] = HASHABLE) -> SafeTx:
    return SafeTx(
        chain_id=draw(st.integers(1, 2**53 - 1)),
        safe=draw(addresses),
        version=draw(st.sampled_from(versions)),
        to=draw(addresses),
        value=draw(uints),
        data=draw(st.binary(max_size=200)),
        operation=draw(st.sampled_from((0, 1))),
        safe_tx_gas=draw(uints),
        base_gas=draw(uints),
        gas_price=draw(uints),
        gas_token=draw(addresses),
        refund_receiver=draw(addresses),
        nonce=draw(uints),
    )


@given(safe_txs())
@settings(max_examples=200, deadline=None)
def test_hashes_agree_with_the_library_for_every_version(tx: SafeTx) -> None:
    library = LibrarySafeTx(
        None,
        tx.safe,
        tx.to,
        tx.value,
        tx.data,
        tx.operation,
        tx.safe_tx_gas,
        tx.base_gas,
        tx.gas_price,
        tx.gas_token,
        tx.refund_receiver,
        safe_nonce=tx.nonce,
        safe_version=tx.version,
        chain_id=tx.chain_id,
    )
    assert safe_tx_hash(tx) == "0x" + bytes(library.safe_tx_hash).hex() == tx.hash
    assert preimage(tx) == bytes(library.safe_tx_hash_preimage)


@given(safe_txs())
@settings(max_examples=60, deadline=None)
def test_what_a_wallet_would_sign_is_the_same_hash(tx: SafeTx) -> None:
    document = typed_data(tx)
    message = {
        name: int(value) if isinstance(value, str) and not value.startswith("0x") else value
        for name, value in document["message"].items()
    }
    signable = encode_typed_data(full_message={**document, "message": message})
    assert "0x" + bytes(_hash_eip191_message(signable)).hex() == safe_tx_hash(tx)
    assert "0x" + signable.header.hex() == domain_separator(tx)
    assert "0x" + signable.body.hex() == message_hash(tx)


def test_the_chain_counts_from_1_3_0_on() -> None:
    old = [SafeTx(chain_id=chain, safe=SAFE, version="1.2.0", to=SAFE).hash for chain in (1, 731337)]
    new = [SafeTx(chain_id=chain, safe=SAFE, version="1.3.0", to=SAFE).hash for chain in (1, 731337)]
    assert old[0] == old[1]
    assert new[0] != new[1]


def test_a_safe_message_is_hashed_by_its_published_type() -> None:
    typehash = bytes.fromhex("60b3cbf8b4a223d68d641b3b6ddf9a298e7f33710cf3d3a9d1146b5a6150fbca")
    domain = bytes.fromhex(domain_separator(SafeTx(chain_id=1, safe=SAFE, version="1.4.1", to=SAFE))[2:])
    expected = keccak(b"\x19\x01" + domain + keccak(typehash + keccak(b"hello")))
    assert safe_message_hash("1.4.1", 1, SAFE, b"hello") == "0x" + expected.hex()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": "1.6.0"}, "version"),
        ({"version": ""}, "version"),
        ({"to": "0x1234"}, "to"),
        ({"to": "0xD9Db270c1B5E3Bd161E8c8503c55cEABeE709552"}, "to"),
        ({"value": -1}, "value"),
        ({"value": 2**256}, "value"),
        ({"value": 1.0}, "value"),
        ({"value": True}, "value"),
        ({"data": "0x123"}, "data"),
        ({"operation": 2}, "operation"),
        ({"nonce": "x"}, "nonce"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, object], field: str) -> None:
    values: dict[str, object] = {"chain_id": 1, "safe": SAFE, "version": "1.4.1", "to": SAFE, **changes}
    with pytest.raises(Invalid) as refused:
        SafeTx(**values)  # type: ignore[arg-type]  # wrong types are what this is about
    assert refused.value.field == field
    assert refused.value.hint


def test_fields_are_normalised_and_another_nonce_is_another_hash() -> None:
    tx = SafeTx(chain_id=1, safe=SAFE.lower(), version="1.4.1", to=SAFE.lower(), data="0xAB")  # type: ignore[arg-type]
    assert (tx.safe, tx.data) == (SAFE, b"\xab")
    assert tx.with_nonce(1).hash != tx.hash
    assert tx.as_json()["nonce"] == "0"
