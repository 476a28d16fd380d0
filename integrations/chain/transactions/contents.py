"""What is asked of a signer, and whether the bytes that came back say exactly that."""

from dataclasses import dataclass
from typing import Any

import rlp
from eth_account import Account
from eth_typing import HexStr

from integrations.chain.addresses import checksum
from integrations.chain.hashing import keccak

HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2
NUMBERS = ("chain_id", "nonce", "tip", "max_fee", "gas")


class NotWhatWasAsked(Exception):
    """The signed bytes differ from what was to be signed; the message says where."""


@dataclass(frozen=True, slots=True)
class Content:
    """An EIP-1559 transaction before it is signed: everything that its bytes may say."""

    sender: str
    chain_id: int
    nonce: int
    tip: int
    max_fee: int
    gas: int
    to: str
    value: int
    data: bytes

    def fields(self) -> dict[str, Any]:
        """As eth-account signs it."""
        return {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": self.nonce,
            "to": HexStr(self.to),
            "value": self.value,
            "data": self.data,
            "gas": self.gas,
            "maxFeePerGas": self.max_fee,
            "maxPriorityFeePerGas": self.tip,
        }

    def request(self) -> dict[str, str]:
        """As `eth_signTransaction` takes it."""
        return {
            "from": self.sender,
            "to": self.to,
            "gas": hex(self.gas),
            "maxFeePerGas": hex(self.max_fee),
            "maxPriorityFeePerGas": hex(self.tip),
            "value": hex(self.value),
            "nonce": hex(self.nonce),
            "data": "0x" + self.data.hex(),
            "chainId": hex(self.chain_id),
        }


def check(raw: bytes, asked: Content) -> str:
    """The hash of the signed bytes, if they say what was asked, field by field, and nothing else."""
    fields = _fields(raw)
    found: dict[str, object] = dict(zip(NUMBERS, (_number(part) for part in fields[:5]), strict=True))
    found |= {"to": _address(fields[5]), "value": _number(fields[6]), "data": _bytes(fields[7])}
    for name, value in found.items():
        wanted = getattr(asked, name)
        if value != wanted:
            raise NotWhatWasAsked(f"{name} is {_shown(value)} instead of {_shown(wanted)}")
    if fields[8] != []:
        raise NotWhatWasAsked("it has an access list that nobody asked for")
    if _number(fields[9]) > 1 or not 0 < _number(fields[11]) <= HALF_ORDER:
        raise NotWhatWasAsked("its signature is one that nodes refuse")
    try:
        sender = Account.recover_transaction(raw)
    except Exception as error:  # several libraries' kinds: a signature that leads to nobody
        raise NotWhatWasAsked("its signature leads to nobody") from error
    if sender != asked.sender:
        raise NotWhatWasAsked(f"it is signed by {sender} instead of {asked.sender}")
    return "0x" + keccak(raw).hex()


def _fields(raw: bytes) -> list[Any]:
    if raw[:1] != b"\x02":
        raise NotWhatWasAsked("it is no EIP-1559 transaction")
    try:
        fields = rlp.decode(raw[1:], strict=True)
        same = rlp.encode(fields) == raw[1:]
    except rlp.exceptions.RLPException as error:
        raise NotWhatWasAsked("its bytes cannot be read") from error
    if not isinstance(fields, list) or len(fields) != 12 or not same:
        raise NotWhatWasAsked("its bytes cannot be read")
    return fields


def _bytes(part: Any) -> bytes:
    if not isinstance(part, bytes):
        raise NotWhatWasAsked("its bytes cannot be read")
    return part


def _number(part: Any) -> int:
    value = _bytes(part)
    if value[:1] == b"\0":
        raise NotWhatWasAsked("its bytes cannot be read")
    return int.from_bytes(value, "big")


def _address(part: Any) -> str:
    value = _bytes(part)
    return checksum(value) if len(value) == 20 else ""


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return f"0x{value.hex()}" if len(value) <= 36 else f"0x{value[:32].hex()}… ({len(value)} bytes)"
    return str(value) or "nothing"
