"""Signatures as clients of the service send them: one, or several behind one another in any order."""

from collections.abc import Collection

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
    """Cut at every 65 bytes up to where the dynamic parts begin; each contract signature with its own part."""
    words: list[bytes] = []
    position, end = 0, len(blob)
    while position + WORD_SIGNATURE <= end:
        word = blob[position : position + WORD_SIGNATURE]
        if word[64] == 0 and word[:12] == bytes(12) and any(word[12:32]):
            offset = int.from_bytes(word[32:64], "big")
            length = int.from_bytes(blob[offset : offset + 32], "big")
            if not position + WORD_SIGNATURE <= offset <= len(blob) - 32 - length:
                raise Invalid("signature", "A contract signature without its data.", "its offset within these bytes")
            end = min(end, offset)
            word = word[:32] + pad32(WORD_SIGNATURE) + b"\0" + blob[offset : offset + 32 + length]
        words.append(word)
        position += WORD_SIGNATURE
    if not words or len(words) > MOST or (position != len(blob) and end == len(blob)):
        raise Invalid("signature", f"{len(blob)} bytes are no signatures.", "65 bytes for each")
    return words
