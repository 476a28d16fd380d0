"""What a Safe Transaction Service answers, taken apart without believing any of it.

Of an entry only the raw fields of the transaction and the bytes of signatures are read; the hash is computed from the
fields here, and one that says another is refused. What it says about a transaction in words (`dataDecoded`, `origin`,
`trusted`), who it says signed, and fields that are not known here are not read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.chain.addresses import ZERO_ADDRESS, parse_address, parse_hash, parse_hex, parse_uint
from integrations.safe.hashes import SafeTx
from integrations.safe.signatures import MAX_CONTRACT_SIGNATURE, WORD_SIGNATURE
from ledger.errors import Invalid

MOST_CONFIRMATIONS = 100
MOST_DATA = 110_000
_NAMES = {
    "value": "value",
    "safeTxGas": "safe_tx_gas",
    "baseGas": "base_gas",
    "gasPrice": "gas_price",
}


@dataclass(frozen=True)
class Entry:
    """A transaction as its raw fields say, and what is said to be signatures of it, in the given order."""

    tx: SafeTx
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class Oddity:
    """An entry, or a part of one, that was not taken. `mark` tells it from others; `said` is safe to show."""

    kind: str  # hash, fields, signature
    mark: str
    words: str


@dataclass
class Listing:
    """`entries` by the hash that was computed here."""

    entries: dict[str, Entry] = field(default_factory=dict)
    odd: list[Oddity] = field(default_factory=list)
    cut: bool = False  # it has more than we ask for


def read_listing(answer: Any, safe: SafeTx, into: Listing) -> bool:
    """One page; whether there is a next one. ValueError when it is no page at all."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("results"), list):
        raise ValueError("there is no list in it")
    for raw in answer["results"][:100]:
        try:
            entry = read_entry(raw, safe)
        except Invalid as error:
            into.odd.append(_odd(raw, error))
            continue
        if entry.tx.nonce >= safe.nonce:
            into.entries.setdefault(entry.tx.hash, entry)
    return bool(answer.get("next")) and bool(answer["results"])


def _odd(raw: Any, error: Invalid) -> Oddity:
    said = raw.get("safeTxHash") if isinstance(raw, Mapping) else None
    mark = said.lower() if isinstance(said, str) and re.fullmatch(r"0x[0-9a-fA-F]{64}", said) else "no hash"
    kind = "hash" if error.field == "safeTxHash" else "fields"
    return Oddity(kind, f"{mark}:{error.field}", f"{error.field}: {error.message}")


def read_entry(raw: Any, safe: SafeTx) -> Entry:
    """One multisig transaction, or Invalid with the field that is not what it should be."""
    if not isinstance(raw, Mapping):
        raise Invalid("results", "An entry is no object.")
    if parse_address(raw.get("safe"), "safe") != safe.safe:
        raise Invalid("safe", "It belongs to another Safe.")
    operation = raw.get("operation")
    if isinstance(operation, bool) or not isinstance(operation, int) or operation not in (0, 1):
        raise Invalid("operation", "Neither a call nor a delegate call.")
    data = parse_hex("0x" if raw.get("data") is None else _text(raw["data"], "data"), "data")
    if len(data) > MOST_DATA:
        raise Invalid("data", f"{len(data)} bytes are too many for a transaction.")
    tx = SafeTx(
        chain_id=safe.chain_id,
        safe=safe.safe,
        version=safe.version,
        to=parse_address(raw.get("to"), "to"),
        data=data,
        operation=operation,
        gas_token=_address_or_zero(raw, "gasToken"),
        refund_receiver=_address_or_zero(raw, "refundReceiver"),
        nonce=parse_uint(raw.get("nonce"), "nonce"),
        **{ours: parse_uint(raw.get(theirs), theirs) for theirs, ours in _NAMES.items()},
    )
    said = parse_hash(raw.get("safeTxHash"), "safeTxHash")
    if said != tx.hash:
        raise Invalid(
            "safeTxHash", f"The service says {said}, but its own fields hash to {tx.hash} (nonce {tx.nonce})."
        )
    return Entry(tx, _signatures(raw.get("confirmations")))


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Invalid(name, "This is no text.")
    return value


def _address_or_zero(raw: Mapping[str, Any], name: str) -> str:
    return ZERO_ADDRESS if raw.get(name) is None else parse_address(raw[name], name)


def _signatures(given: Any) -> tuple[bytes, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MOST_CONFIRMATIONS:
        raise Invalid("confirmations", f"This is no list of at most {MOST_CONFIRMATIONS}.")
    found = []
    for one in given:
        if not isinstance(one, Mapping):
            raise Invalid("confirmations", "A confirmation is no object.")
        if one.get("signature") is None:
            continue  # an approval on the chain, which is seen there
        raw = parse_hex(_text(one["signature"], "confirmations"), "confirmations")
        if len(raw) > WORD_SIGNATURE + 64 + MAX_CONTRACT_SIGNATURE:
            raise Invalid("confirmations", "A signature is far too long.")
        found.append(_unpadded(raw))
    return tuple(dict.fromkeys(found))


def _unpadded(raw: bytes) -> bytes:
    """Some releases fill a contract's signature up to whole words; what it promises in its length is what counts."""
    if len(raw) < WORD_SIGNATURE + 32 or raw[64] != 0:
        return raw
    end = WORD_SIGNATURE + 32 + int.from_bytes(raw[65:97], "big")
    return raw[:end] if 0 < len(raw) - end < 32 and not any(raw[end:]) else raw
