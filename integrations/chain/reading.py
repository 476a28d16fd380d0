"""Raw JSON-RPC values into typed ones; whatever does not fit makes the answer unusable, not half understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.chain.addresses import checksum
from integrations.chain.errors import RpcUnavailable


def quantity(value: object) -> int:
    """A 0x quantity."""
    if isinstance(value, str) and value.startswith("0x") and len(value) > 2:
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise RpcUnavailable("A node answered something that is no number.")


def to_bytes(value: object) -> bytes:
    """0x data."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise RpcUnavailable("A node answered something that is no data.")


def block_ref(block: int | str) -> object:
    """A block as a JSON-RPC parameter: number, tag, or a hash (EIP-1898, so that a reorg is noticed)."""
    if isinstance(block, int):
        return hex(block)
    if len(block) == 66:
        return {"blockHash": block, "requireCanonical": True}
    if block not in ("latest", "safe", "finalized", "pending", "earliest"):
        raise ValueError(f"no such block: {block}")
    return block


@dataclass(frozen=True, slots=True)
class Block:
    """What we use of a block's header."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Block":
        return cls(
            number=quantity(raw.get("number")),
            hash=_hash(raw.get("hash")),
            parent_hash=_hash(raw.get("parentHash")),
            timestamp=quantity(raw.get("timestamp")),
            base_fee=quantity(raw.get("baseFeePerGas", "0x0")),
        )


@dataclass(frozen=True, slots=True)
class Fees:
    base: int
    tip: int


@dataclass(frozen=True, slots=True)
class Log:
    """One log, with the block that it belongs to."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: str
    tx_hash: str
    index: int

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Log":
        return cls(
            address=checksum(to_bytes(raw.get("address"))),
            topics=tuple(to_bytes(topic) for topic in raw.get("topics", ())),
            data=to_bytes(raw.get("data")),
            block_number=quantity(raw.get("blockNumber")),
            block_hash=_hash(raw.get("blockHash")),
            tx_hash=_hash(raw.get("transactionHash")),
            index=quantity(raw.get("logIndex")),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    tx_hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    gas_price: int
    logs: tuple[Log, ...]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Receipt":
        return cls(
            tx_hash=_hash(raw.get("transactionHash")),
            block_number=quantity(raw.get("blockNumber")),
            block_hash=_hash(raw.get("blockHash")),
            succeeded=quantity(raw.get("status")) == 1,
            gas_used=quantity(raw.get("gasUsed")),
            gas_price=quantity(raw.get("effectiveGasPrice", "0x0")),
            logs=tuple(Log.read(item) for item in raw.get("logs", ())),
        )


def _hash(value: object) -> str:
    if isinstance(value, str) and len(value) == 66:
        to_bytes(value)
        return value.lower()
    raise RpcUnavailable("A node answered something that is no hash.")
