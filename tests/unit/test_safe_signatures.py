"""Every kind of signature, every spelling that wallets use, and what a careless reader would let pass."""

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given, settings
from hypothesis import strategies as st
from safe_eth.safe.safe_signature import SafeSignature

from integrations.chain.addresses import pad32
from integrations.safe import signatures as s
from ledger.errors import Invalid

KEY = Account.from_key("0x" + "11" * 32)
OTHER = Account.from_key("0x" + "22" * 32)
HASH = "0x" + "ab" * 32
CONTRACT = "0xd9Db270c1B5E3Bd161E8c8503c55cEABeE709552"


def sign(account: object = KEY, digest: str = HASH) -> bytes:
    return bytes(account.unsafe_sign_hash(bytes.fromhex(digest[2:])).signature)  # type: ignore[attr-defined]


def personal_sign(account: object = KEY, digest: str = HASH) -> bytes:
    message = encode_defunct(bytes.fromhex(digest[2:]))
    return bytes(account.sign_message(message).signature)  # type: ignore[attr-defined]


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**128))
@settings(max_examples=40, deadline=None)
def test_the_owner_is_recovered_and_the_library_agrees(digest: bytes, secret: int) -> None:
    account = Account.from_key(secret.to_bytes(32, "big"))
    raw = bytes(account.unsafe_sign_hash(digest).signature)
    found = s.parse(raw, digest)
    assert (found.kind, found.owner, found.bytes) == (s.EIP712, account.address, raw)
    library = SafeSignature.parse_signature(raw, digest)[0]
    assert library.owner == found.owner
    signed = personal_sign(account, "0x" + digest.hex())
    marked = signed[:64] + bytes([signed[64] + 4])
    found = s.parse(marked, digest)
    assert (found.kind, found.owner, found.bytes) == (s.ETH_SIGN, account.address, marked)


def test_raw_recovery_ids_are_normalised() -> None:
    raw = sign()
    assert s.parse(raw[:64] + bytes([raw[64] - 27]), HASH) == s.parse(raw, HASH)


def test_both_spellings_of_one_signature_become_one() -> None:
    raw = sign()
    r, low = raw[:32], int.from_bytes(raw[32:64])
    high = r + (s.CURVE_ORDER - low).to_bytes(32) + bytes([55 - raw[64]])
    assert high != raw
    assert s.parse(high, HASH) == s.parse(raw, HASH)
    marked = personal_sign()
    low = int.from_bytes(marked[32:64])
    flipped = marked[:32] + (s.CURVE_ORDER - low).to_bytes(32) + bytes([63 - (marked[64] + 4)])
    assert s.parse(flipped, HASH).owner == KEY.address
    assert s.assemble([s.parse(high, HASH), s.parse(raw, HASH)]) == raw


def test_a_personal_sign_without_its_mark_is_recognised_for_owners() -> None:
    plain = personal_sign()
    found = s.parse(plain, HASH, owners=[KEY.address])
    assert (found.kind, found.owner, found.bytes[64]) == (s.ETH_SIGN, KEY.address, plain[64] + 4)
    assert s.parse(plain, HASH).owner != KEY.address


def test_a_stranger_or_another_hash_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match=OTHER.address):
        s.parse(sign(OTHER), HASH, owners=[KEY.address])
    with pytest.raises(Invalid, match="not an owner"):
        s.parse(sign(KEY, "0x" + "cd" * 32), HASH, owners=[KEY.address])


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("", "hexadecimal"),
        ("0x", "too short"),
        ("0xzz", "hexadecimal"),
        (sign()[:64], "compact"),
        (sign()[:63], "too short"),
        (sign() + b"\0", "66 bytes"),
        (sign() + sign(), "130 bytes"),
        (sign()[:64] + b"\x1d", "last byte is 29"),
        (sign()[:64] + b"\x02", "last byte is 2"),
        (b"\0" * 65, "out of range"),
        (b"\xff" * 64 + b"\x1b", "out of range"),
        (pad32(5) + pad32(1) + b"\x1b", "No key"),
        (pad32(CONTRACT) + pad32(65) + b"\0", "without its data"),
        (pad32(CONTRACT) + pad32(64) + b"\0" + pad32(0), "without its data"),
        (pad32(CONTRACT) + pad32(65) + b"\0" + pad32(2) + b"\1", "promises 2 bytes and carries 1"),
        (pad32(CONTRACT) + pad32(65) + b"\0" + pad32(1) + b"\1\2", "promises 1 bytes and carries 2"),
        (pad32(CONTRACT) + pad32(0) + b"\x01\x00", "66 bytes"),
        (pad32(1) + pad32(0) + b"\x01", "cannot be an owner"),
        (b"\1" * 50000, "Far too long"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes | str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        s.parse(raw, HASH)
    assert refused.value.field == "signature"
    assert refused.value.hint


def test_contract_signatures_and_approved_hashes() -> None:
    data = b"\x05" * 130
    one = s.contract(CONTRACT, data)
    found = s.parse(one.hex, HASH)
    assert found == one
    assert found.needs_chain
    approval = s.parse(pad32(KEY.address) + bytes(32) + b"\x01", HASH)
    assert approval == s.approved(KEY.address)
    assert approval.needs_chain


def test_assembling_orders_owners_and_places_dynamic_parts_exactly() -> None:
    first, second = s.contract(CONTRACT, b"\x05" * 70), s.contract("0x" + "ff" * 20, b"")
    parts = [first, s.parse(sign(KEY), HASH), second, s.approved(OTHER.address)]
    blob = s.assemble(parts)
    assert len(blob) == 4 * 65 + 32 + 70 + 32
    found = s.split(blob, HASH)
    assert [int(one.owner, 16) for one in found] == sorted(int(one.owner, 16) for one in parts)
    assert {one.owner: one.kind for one in found} == {one.owner: one.kind for one in parts}
    library = SafeSignature.parse_signature(blob, bytes.fromhex(HASH[2:]))
    assert [one.owner for one in library] == [one.owner for one in found]
    assert s.assemble(reversed(found)) == blob


def test_an_owner_counts_once_and_a_signature_outweighs_an_approval() -> None:
    signed = s.parse(sign(), HASH)
    assert (
        s.assemble([s.approved(KEY.address), signed]) == s.assemble([signed, s.approved(KEY.address)]) == signed.bytes
    )


def test_a_blob_with_something_hidden_in_it_is_refused() -> None:
    blob = s.assemble([s.parse(sign(KEY), HASH), s.parse(sign(OTHER), HASH)])
    assert len(s.split(blob, HASH)) == 2
    for bad in (blob + b"\0", blob[65:] + blob[:65], blob[:65] * 2):
        with pytest.raises(Invalid):
            s.split(bad, HASH)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_bytes_at_all_break_the_parser(raw: bytes) -> None:
    try:
        found = s.parse(raw, HASH)
    except Invalid:
        return
    assert len(found.bytes) == 65
