"""Signatures as a Safe checks them: four kinds, told apart by their last byte, in ascending order of owners.

What comes in may be spelled in several ways (recovery ids 0/1, a high s, a wallet's personal_sign); what goes out is
the one spelling that the contract takes. A signature says by itself whose it is: the owner is recovered, never given.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from eth_keys.datatypes import Signature as EcdsaSignature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from integrations.chain.addresses import ZERO_ADDRESS, checksum, pad32, parse_hash, parse_hex
from integrations.chain.hashing import keccak
from ledger.errors import Invalid

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
WORD_SIGNATURE = 65
Raw: TypeAlias = bytes  # a field is called `bytes` too
MAX_CONTRACT_SIGNATURE = 24 * 1024
EIP712, ETH_SIGN, CONTRACT, APPROVED = "eip712", "eth_sign", "contract", "approved"


@dataclass(frozen=True, slots=True)
class Signature:
    """One owner's consent. `bytes`: its 65 static bytes; `dynamic`: what a contract signature points to."""

    kind: str
    owner: str
    bytes: Raw
    dynamic: Raw = b""

    @property
    def hex(self) -> str:
        """As it is stored and shown; a contract signature with its own offset, so that it parses alone."""
        return "0x" + assemble([self]).hex()

    @property
    def needs_chain(self) -> bool:
        """Whether only the chain can say that it holds (a contract's word, an approved hash)."""
        return self.kind in (CONTRACT, APPROVED)


def parse(signature: bytes | str, hash: str | bytes, owners: Collection[str] | None = None) -> Signature:
    """A signature over a safeTxHash, normalised, with the owner that it proves.

    With `owners` given, the owner must be one of them, and a personal_sign that lacks its mark (v + 4) is recognised.
    """
    raw = parse_hex(signature, "signature")
    digest = bytes.fromhex(parse_hash(hash if isinstance(hash, str) else "0x" + hash.hex(), "hash")[2:])
    _check_length(raw)
    r, s, v = raw[:32], raw[32:64], raw[64]
    looks_like_address = r[:12] == b"\0" * 12 and any(r)
    if v == 0 and looks_like_address:
        found = _contract(raw)
    elif v == 1 and looks_like_address:
        found = _approved(raw)
    elif len(raw) != WORD_SIGNATURE:
        raise Invalid("signature", f"{len(raw)} bytes instead of 65.", "one signature: r, s and v")
    else:
        found = _ecdsa(int.from_bytes(r, "big"), int.from_bytes(s, "big"), v, digest, owners)
    if owners is not None and found.owner not in owners:
        raise Invalid(
            "signature",
            f"It is {found.owner}'s, who is not an owner of this Safe (or it was made over another hash).",
            "sign this very transaction with an owner's wallet",
        )
    return found


def _check_length(raw: bytes) -> None:
    if len(raw) == 64:
        raise Invalid("signature", "64 bytes: this looks like a compact signature (EIP-2098).", "65 bytes: r, s and v")
    if len(raw) < WORD_SIGNATURE:
        raise Invalid("signature", f"{len(raw)} bytes: too short.", "65 bytes: 0x followed by 130 digits")
    if len(raw) > WORD_SIGNATURE + 32 + MAX_CONTRACT_SIGNATURE + 31:
        raise Invalid("signature", "Far too long.", "one owner's signature")


def _contract(raw: bytes) -> Signature:
    offset = int.from_bytes(raw[32:64], "big")
    if offset != WORD_SIGNATURE or len(raw) < WORD_SIGNATURE + 32:
        raise Invalid(
            "signature",
            "A contract signature without its data.",
            "owner, offset 65, 00, then the length and the bytes",
        )
    length = int.from_bytes(raw[65:97], "big")
    filled = raw[97 + length :]
    if length > len(raw) - 97 or (filled and filled != bytes(-length % 32)):  # encoders fill up to whole words
        raise Invalid("signature", f"It promises {length} bytes and carries {len(raw) - 97}.", "exactly its length")
    return Signature(CONTRACT, _owner(raw[12:32]), raw[:65], raw[65 : 97 + length])


def _approved(raw: bytes) -> Signature:
    if len(raw) != WORD_SIGNATURE:
        raise Invalid("signature", f"{len(raw)} bytes instead of 65.", "owner, 32 zero bytes, 01")
    return approved(_owner(raw[12:32]))


def _owner(raw: bytes) -> str:
    owner = checksum(raw)
    if owner in (ZERO_ADDRESS, "0x" + "0" * 39 + "1"):
        raise Invalid("signature", "This address cannot be an owner.", "an owner of the Safe")
    return owner


def _ecdsa(r: int, s: int, v: int, digest: bytes, owners: Collection[str] | None) -> Signature:
    if v in (0, 1):  # a raw recovery id; to the contract these would mean something else
        v += 27
    if v not in (27, 28, 31, 32):
        raise Invalid("signature", f"Its last byte is {v}.", "27 or 28 (typed data), 31 or 32 (eth_sign)")
    if not 0 < r < CURVE_ORDER or not 0 < s < CURVE_ORDER:
        raise Invalid("signature", "r or s is out of range.", "a signature made by a wallet")
    if s > CURVE_ORDER // 2:  # both spellings are valid on chain; one owner must count once
        s, v = CURVE_ORDER - s, {27: 28, 28: 27, 31: 32, 32: 31}[v]
    if v in (31, 32):
        return _signed(ETH_SIGN, r, s, v, eth_sign_digest(digest))
    found = _signed(EIP712, r, s, v, digest)
    if owners is not None and found.owner not in owners:
        other = _signed(ETH_SIGN, r, s, v + 4, eth_sign_digest(digest))
        if other.owner in owners:
            return other
    return found


def _signed(kind: str, r: int, s: int, v: int, digest: bytes) -> Signature:
    parity = (v - 27) % 4
    try:
        key = EcdsaSignature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError, ValueError) as error:
        raise Invalid("signature", "No key can have made it.", "a signature made by a wallet") from error
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])
    return Signature(kind, checksum(keccak(key.to_bytes())[12:]), raw)


def eth_sign_digest(digest: bytes) -> bytes:
    """What eth_sign and personal_sign sign in place of a 32-byte hash."""
    return keccak(b"\x19Ethereum Signed Message:\n32" + digest)


def approved(owner: str) -> Signature:
    """An owner who approved the hash on chain (or who sends the transaction)."""
    return Signature(APPROVED, checksum(owner), pad32(owner) + b"\0" * 32 + b"\x01")


def contract(owner: str, data: bytes) -> Signature:
    """A contract owner's word: `data` is what its isValidSignature is given."""
    static = pad32(owner) + pad32(WORD_SIGNATURE) + b"\0"
    return Signature(CONTRACT, checksum(owner), static, pad32(len(data)) + data)


def assemble(signatures: Iterable[Signature]) -> bytes:
    """The `signatures` argument of execTransaction: one an owner, ascending, dynamic parts after all static ones."""
    by_owner: dict[str, Signature] = {}
    for one in signatures:
        kept = by_owner.setdefault(one.owner, one)
        if kept.kind == APPROVED and one.kind != APPROVED:
            by_owner[one.owner] = one  # a signature holds whoever executes
    ordered = [by_owner[owner] for owner in sorted(by_owner, key=lambda owner: int(owner, 16))]
    static, dynamic = b"", b""
    for one in ordered:
        if one.kind == CONTRACT:
            offset = WORD_SIGNATURE * len(ordered) + len(dynamic)
            static += pad32(one.owner) + pad32(offset) + b"\0"
            dynamic += one.dynamic
        else:
            static += one.bytes
    return static + dynamic


def split(blob: bytes | str, hash: str | bytes) -> list[Signature]:
    """The reverse of `assemble`: every signature of a blob, each parsed strictly."""
    raw = parse_hex(blob, "signatures")
    found: list[Signature] = []
    end = len(raw)
    position = 0
    while position + WORD_SIGNATURE <= end:
        word = raw[position : position + WORD_SIGNATURE]
        if word[64] == 0 and word[:12] == b"\0" * 12:
            offset = int.from_bytes(word[32:64], "big")
            length = int.from_bytes(raw[offset : offset + 32], "big")
            dynamic = raw[offset : offset + 32 + length]
            end = min(end, offset)
            word = word[:32] + pad32(WORD_SIGNATURE) + b"\0" + dynamic
        found.append(parse(word, hash))
        position += WORD_SIGNATURE
    if assemble(found) != raw:
        raise Invalid("signatures", "Not in the order and shape that a Safe takes.", "owners ascending, nothing else")
    return found
