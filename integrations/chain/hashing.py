"""Keccak-256, by the fastest implementation there is (pysha3)."""

import sha3


def keccak(data: bytes) -> bytes:
    """Ethereum's hash; not the SHA3-256 of the standard."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest
