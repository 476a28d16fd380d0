"""What is signed to delete a proposal or to name a delegate: EIP-712, valid for an hour or two.

The service's own form, so that clients need not know who answers: `totp` is the hour since 1970, and the hour before is
taken too.
"""

import time
from collections.abc import Iterator

from integrations.chain.addresses import pad32
from integrations.chain.hashing import keccak
from integrations.safe.signatures import eth_sign_digest

NAME, VERSION = keccak(b"Safe Transaction Service"), keccak(b"1.0")
DOMAIN = keccak(b"EIP712Domain(string name,string version)")
DOMAIN_OF_CHAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
DOMAIN_OF_SAFE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
DELETE = keccak(b"DeleteRequest(bytes32 safeTxHash,uint256 totp)")
DELEGATE = keccak(b"Delegate(address delegateAddress,uint256 totp)")
HOUR = 3600


def hours() -> tuple[int, int]:
    """This one and the one before."""
    now = int(time.time()) // HOUR
    return now, now - 1


def delete_hashes(*, chain_id: int, safe: str, safe_tx_hash: str) -> Iterator[bytes]:
    """What may have been signed to delete a proposal."""
    domain = keccak(DOMAIN_OF_SAFE + NAME + VERSION + pad32(chain_id) + pad32(safe))
    for hour in hours():
        yield _typed(domain, keccak(DELETE + bytes.fromhex(safe_tx_hash[2:]) + pad32(hour)))


def delegate_hashes(*, chain_id: int, delegate: str) -> Iterator[bytes]:
    """What may have been signed to name or to remove a delegate: for this chain, or for every one."""
    for hour in hours():
        struct = keccak(DELEGATE + pad32(delegate) + pad32(hour))
        yield _typed(keccak(DOMAIN_OF_CHAIN + NAME + VERSION + pad32(chain_id)), struct)
        yield _typed(keccak(DOMAIN + NAME + VERSION), struct)


def old_delegate_hashes(delegate: str) -> Iterator[bytes]:
    """As version 1 wants it: the address and the hour as text, hashed as it is or as personal_sign does."""
    for hour in hours():
        text = f"{delegate}{hour}".encode()
        yield keccak(text)
        yield keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)
        yield eth_sign_digest(keccak(text))


def _typed(domain: bytes, struct: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + struct)
