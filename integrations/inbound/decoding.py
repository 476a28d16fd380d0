"""What came in as JSON: bounded, and such that the database and an event can hold it."""

import json
from typing import Any

from ledger.errors import Invalid

MAX_DEPTH = 32


def decode(raw: bytes, where: str = "") -> Any:
    """JSON, bounded in depth; numbers with a fraction become text, since no event holds one."""
    try:
        body = json.loads(raw.decode("utf-8"), parse_float=str, parse_constant=_no_constant, object_pairs_hook=_once)
    except (UnicodeDecodeError, ValueError, RecursionError):
        hint = "one JSON object, UTF-8, without NaN, and no key twice"
        raise Invalid(where, "the body is not JSON" if not where else "is not JSON", hint) from None
    return _bounded(body, where, 0)


def _no_constant(_text: str) -> Any:
    raise ValueError


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _bounded(value: Any, where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Invalid(where, f"the body is nested deeper than {MAX_DEPTH}", "a flatter object")
    if isinstance(value, dict):
        return {_clean(key): _bounded(item, where, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_bounded(item, where, depth + 1) for item in value]
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    """PostgreSQL's JSON holds neither NUL nor half a surrogate pair."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
