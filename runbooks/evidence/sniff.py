"""What a file is, by its first bytes. What the sender says of it is a wish, not a fact."""

import re

UNKNOWN = "application/octet-stream"
_HEADS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def media_type_of(content: bytes) -> str:
    """One of a few known types; markup and scripts are plain text here, and what nobody knows is just bytes."""
    for head, name in _HEADS:
        if content.startswith(head):
            return name
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        return "video/mp4"
    return "text/plain" if _is_text(content) else UNKNOWN


def _is_text(content: bytes) -> bool:
    if _CONTROL.search(content):
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def clean_name(given: str) -> str:
    """The last part of a path, without what would break a line, a header or a terminal; at most 150 characters."""
    last = re.split(r"[/\\]", given)[-1]
    kept = "".join(sign for sign in last if sign.isprintable()).strip(" .")
    if len(kept) > 150:
        stem, dot, end = kept.rpartition(".")
        kept = f"{stem[: 149 - len(end)]}.{end}" if dot and len(end) <= 10 else kept[:150]
    return kept or "evidence"
