"""Signatures as clients of the service send them: one, or several behind one another in any order."""

from collections.abc import Collection, Mapping

from integrations.chain.addresses import pad32
from integrations.safe.signatures import WORD_SIGNATURE, Signature, parse
from ledger import Invalid

MOST = 100


def read(blob: bytes, digest: str, known: Collection[str]) -> list[Signature]:
    """Every signature in it, each with the owner that it recovers to; `known` helps to tell personal_sign apart.

    A stranger's is returned as well: it is for the caller to say who may sign what.
    """
    return [_one(word, digest, known) for word in _words(blob)]


def _one(word: bytes, digest: str, known: Collection[str]) -> Signature:
    found = parse(word, digest)
    if found.owner in known:
        return found
    try:
        return parse(word, digest, known)
    except Invalid:
        return found


def _words(blob: bytes) -> list[bytes]:
    """Cut at every 65 bytes up to where the dynamic parts begin; each contract signature with its own part.

    Every byte belongs to exactly one signature: the parts follow the static ones and each other without a gap.
    """
    static: list[bytes] = []
    parts: dict[int, bytes] = {}
    position, end = 0, len(blob)
    while position + WORD_SIGNATURE <= end:
        word = blob[position : position + WORD_SIGNATURE]
        if _points(word):
            offset = int.from_bytes(word[32:64], "big")
            length = int.from_bytes(blob[offset : offset + 32], "big")
            if not position + WORD_SIGNATURE <= offset <= len(blob) - 32 - length or offset in parts:
                raise Invalid("signature", "A contract signature without its data.", "its offset within these bytes")
            parts[offset] = blob[offset : offset + 32 + length]
            end = min(end, offset)
        static.append(word)
        position += WORD_SIGNATURE
    if not static or len(static) > MOST or not _exact(blob, position, parts):
        raise Invalid("signature", f"{len(blob)} bytes are no signatures.", "65 bytes for each, and nothing between")
    return [_alone(word, parts) for word in static]


def _points(word: bytes) -> bool:
    """Whether it is a contract signature, which says where its data stand."""
    return word[64] == 0 and word[:12] == bytes(12) and any(word[12:32])


def _exact(blob: bytes, position: int, parts: Mapping[int, bytes]) -> bool:
    """Whether the parts fill everything from here on; each may be filled up to whole words with zeros."""
    starts = sorted(parts)
    for start, following in zip(starts, [*starts, len(blob)][1:], strict=True):
        if start != position:
            return False
        position += len(parts[start])
        filled = bytes(-len(parts[start]) % 32)
        if position != following and blob[position:following] == filled:
            position = following
    return position == len(blob)


def _alone(word: bytes, parts: Mapping[int, bytes]) -> bytes:
    if not _points(word):
        return word
    return word[:32] + pad32(WORD_SIGNATURE) + b"\0" + parts[int.from_bytes(word[32:64], "big")]
