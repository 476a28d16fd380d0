"""Many eth_calls in one, through Multicall3 where it stands: `aggregate3`, encoded by hand because it is done for a
thousand calls with every block."""

from collections.abc import Sequence

from incidents.watch.asking import Read
from integrations.chain.hashing import keccak

ADDRESS = "0xcA11bde05977b3631167028862bE2a173976CA11"
AGGREGATE3 = keccak(b"aggregate3((address,bool,bytes)[])")[:4]
A_CALL = 200
"""Reads in one call: a node bounds the gas of an eth_call, and one greedy contract spoils only its own batch."""


def _word(number: int) -> bytes:
    return number.to_bytes(32)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 32)


def encode(reads: Sequence[Read]) -> bytes:
    """Calldata that makes all of these calls, each allowed to fail."""
    rows = [
        bytes(12) + bytes.fromhex(read.to[2:]) + _word(1) + _word(96) + _word(len(read.data)) + _padded(read.data)
        for read in reads
    ]
    offsets, at = [], 32 * len(rows)
    for row in rows:
        offsets.append(_word(at))
        at += len(row)
    return b"".join((AGGREGATE3, _word(32), _word(len(rows)), *offsets, *rows))


def decode(raw: bytes, count: int) -> list[bytes | None] | None:
    """Each call's own answer, None where it failed; None for all when this is not the answer of a Multicall3."""
    if len(raw) < 64 + 32 * count or int.from_bytes(raw[:32]) != 32 or int.from_bytes(raw[32:64]) != count:
        return None
    found: list[bytes | None] = []
    for index in range(count):
        at = 64 + int.from_bytes(raw[64 + 32 * index : 96 + 32 * index])
        if at + 96 > len(raw):
            return None
        size = int.from_bytes(raw[at + 64 : at + 96])
        data = raw[at + 96 : at + 96 + size]
        if len(data) != size:
            return None
        found.append(data if int.from_bytes(raw[at : at + 32]) == 1 else None)
    return found
