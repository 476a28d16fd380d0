"""Keeps the values of secrets that this process has opened out of whatever it says: outputs, reasons, events, logs."""

import base64
import json
import threading
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

DOTS = "••••••"
SHORTEST = 8
"""A shorter value would stand in ordinary words, and could not be taken out of them."""
_lock = threading.Lock()
_opened: dict[str, tuple[str, ...]] = {}
_forms: tuple[str, ...] = ()


def remember(value: str) -> None:
    """From now on this value, in the spellings it may come back in, is replaced by dots."""
    global _forms  # noqa: PLW0603  # swapped whole, so that readers need no lock
    if value in _opened:
        return
    with _lock:
        _opened[value] = tuple(_spellings(value))
        _forms = tuple(sorted({form for forms in _opened.values() for form in forms}, key=len, reverse=True))


def _spellings(value: str) -> set[str]:
    """As it is, without `Bearer `, and in base64, JSON, HTML and URLs."""
    parts = {value, *(part for part in value.split() if len(part) >= SHORTEST)}
    found = set(parts)
    for part in parts:
        raw = part.encode()
        found |= {json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1], quote(part), quote_plus(part)}
        found |= {quote(part, safe=""), escape(part), repr(part)[1:-1], raw.hex()}
        found |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    return {form for form in found if len(form) >= SHORTEST}


def scrub(text: str) -> str:
    for form in _forms:
        if form in text:
            text = text.replace(form, DOTS)
    return text


def take_out(text: str, values: Iterable[str]) -> str:
    """The same for values that are known to the caller alone, and not worth remembering for good."""
    found = {form for value in values for form in _spellings(value)}
    for form in sorted(found, key=len, reverse=True):
        text = text.replace(form, DOTS)
    return text


def scrub_all(value: Any) -> Any:
    """`scrub` through mappings and lists, names included."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(str(key)): scrub_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [scrub_all(item) for item in value]
    return value
