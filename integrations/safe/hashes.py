"""The hashes of a Safe transaction, computed from its raw fields and nothing else.

Rules by version: from 1.3.0 on the domain holds the chain id; before it, only the Safe's address. Version and chain id
are pinned in the value, so no node's answer can steer what is hashed.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from integrations.chain.addresses import ZERO_ADDRESS, pad32, parse_address, parse_hex, parse_uint
from integrations.chain.hashing import keccak
from ledger.errors import Invalid

SUPPORTED = ("1.3.0", "1.4.1", "1.5.0")
HASHABLE = ("1.0.0", "1.1.0", "1.1.1", "1.2.0", *SUPPORTED)
"""Versions whose hashes we know; only the supported ones are executed."""

DOMAIN_TYPEHASH = keccak(b"EIP712Domain(uint256 chainId,address verifyingContract)")
OLD_DOMAIN_TYPEHASH = keccak(b"EIP712Domain(address verifyingContract)")
SAFE_TX_TYPE = (
    b"SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,"
    b"uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)
SAFE_TX_TYPEHASH = keccak(SAFE_TX_TYPE)
SAFE_MESSAGE_TYPEHASH = keccak(b"SafeMessage(bytes message)")
CALL, DELEGATECALL = 0, 1


@dataclass(frozen=True)
class SafeTx:
    """Everything that its owners sign. Checked when made: addresses checksummed, integers in range."""

    chain_id: int
    safe: str
    version: str
    to: str
    value: int = 0
    data: bytes = b""
    operation: int = CALL
    safe_tx_gas: int = 0
    base_gas: int = 0
    gas_price: int = 0
    gas_token: str = ZERO_ADDRESS
    refund_receiver: str = ZERO_ADDRESS
    nonce: int = field(default=0)

    def __post_init__(self) -> None:
        if self.version not in HASHABLE:
            raise Invalid("version", f"Safe {self.version} is not known here.", ", ".join(HASHABLE))
        if self.operation not in (CALL, DELEGATECALL):
            raise Invalid("operation", "Neither a call nor a delegate call.", "0 or 1")
        for name in ("safe", "to", "gas_token", "refund_receiver"):
            object.__setattr__(self, name, parse_address(getattr(self, name), name))
        for name in ("chain_id", "value", "safe_tx_gas", "base_gas", "gas_price", "nonce"):
            object.__setattr__(self, name, parse_uint(getattr(self, name), name))
        object.__setattr__(self, "data", parse_hex(self.data, "data"))

    @cached_property
    def hash(self) -> str:
        """The safeTxHash."""
        return safe_tx_hash(self)

    def with_nonce(self, nonce: int) -> "SafeTx":
        """The same transaction at another place in the Safe's queue: another hash, so nobody has signed it."""
        return replace(self, nonce=nonce)

    def as_json(self) -> dict[str, Any]:
        """Raw fields for documents: integers as decimal text, data as 0x text."""
        return {
            "chain_id": str(self.chain_id),
            "safe": self.safe,
            "version": self.version,
            "to": self.to,
            "value": str(self.value),
            "data": "0x" + self.data.hex(),
            "operation": self.operation,
            "safe_tx_gas": str(self.safe_tx_gas),
            "base_gas": str(self.base_gas),
            "gas_price": str(self.gas_price),
            "gas_token": self.gas_token,
            "refund_receiver": self.refund_receiver,
            "nonce": str(self.nonce),
        }


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def domain_hash(version: str, chain_id: int, safe: str) -> bytes:
    """The domain separator of a Safe; without the chain id before 1.3.0."""
    if version in SUPPORTED:
        return keccak(DOMAIN_TYPEHASH + pad32(chain_id) + pad32(safe))
    return keccak(OLD_DOMAIN_TYPEHASH + pad32(safe))


def _struct_hash(tx: SafeTx) -> bytes:
    words = (
        pad32(tx.to),
        pad32(tx.value),
        keccak(tx.data),
        pad32(tx.operation),
        pad32(tx.safe_tx_gas),
        pad32(tx.base_gas),
        pad32(tx.gas_price),
        pad32(tx.gas_token),
        pad32(tx.refund_receiver),
        pad32(tx.nonce),
    )
    return keccak(SAFE_TX_TYPEHASH + b"".join(words))


def domain_separator(tx: SafeTx) -> str:
    """What a hardware wallet shows as the domain hash."""
    return _hex(domain_hash(tx.version, tx.chain_id, tx.safe))


def message_hash(tx: SafeTx) -> str:
    """What a hardware wallet shows as the message hash."""
    return _hex(_struct_hash(tx))


def preimage(tx: SafeTx) -> bytes:
    """The 66 bytes whose hash is the safeTxHash; contract owners of 1.3.0 and 1.4.1 Safes are asked about these."""
    return b"\x19\x01" + domain_hash(tx.version, tx.chain_id, tx.safe) + _struct_hash(tx)


def safe_tx_hash(tx: SafeTx) -> str:
    """What owners sign and what the Safe computes when it executes."""
    return _hex(keccak(preimage(tx)))


def safe_message_struct_hash(message: bytes) -> bytes:
    """What a hardware wallet shows as the message hash of a SafeMessage."""
    return keccak(SAFE_MESSAGE_TYPEHASH + keccak(message))


def safe_message_hash(version: str, chain_id: int, safe: str, message: bytes) -> str:
    """The hash that owners of a Safe sign so that the Safe, as a contract, signs `message` (EIP-1271)."""
    struct = safe_message_struct_hash(message)
    return _hex(keccak(b"\x19\x01" + domain_hash(version, chain_id, safe) + struct))


def typed_data(tx: SafeTx) -> dict[str, Any]:
    """EIP-712 typed data for `eth_signTypedData_v4`; integers as decimal text, as wallets read them exactly."""
    domain_type = [{"name": "verifyingContract", "type": "address"}]
    domain: dict[str, Any] = {"verifyingContract": tx.safe}
    if tx.version in SUPPORTED:
        domain_type.insert(0, {"name": "chainId", "type": "uint256"})
        # Wallets compare this with the chain that they are on, some of them as a number.
        domain["chainId"] = tx.chain_id if tx.chain_id < 2**53 else str(tx.chain_id)
    fields = SAFE_TX_TYPE.decode()[len("SafeTx(") : -1].split(",")
    return {
        "types": {
            "EIP712Domain": domain_type,
            "SafeTx": [{"type": one.split()[0], "name": one.split()[1]} for one in fields],
        },
        "primaryType": "SafeTx",
        "domain": domain,
        "message": {
            "to": tx.to,
            "value": str(tx.value),
            "data": "0x" + tx.data.hex(),
            "operation": tx.operation,
            "safeTxGas": str(tx.safe_tx_gas),
            "baseGas": str(tx.base_gas),
            "gasPrice": str(tx.gas_price),
            "gasToken": tx.gas_token,
            "refundReceiver": tx.refund_receiver,
            "nonce": str(tx.nonce),
        },
    }
