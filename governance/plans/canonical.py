"""The one byte form of a plan document, and its sha256. Standard library only, so that anybody can run this file.

The rules: an object's keys are printable ASCII, sorted, each once; no white space between tokens; no floats; integers
only within ±(2^53 - 1), so that JavaScript reads the same number (greater ones are decimal strings); text is Unicode
NFC in UTF-8, escaped only where JSON demands it. Characters newer than Unicode 14 (Python 3.11) are refused: their
normal form could differ between two Python versions, and with it the hash that people approved.
"""

import hashlib
import json
import re
import sys
import unicodedata
from bisect import bisect_right
from pathlib import Path
from typing import Any

LARGEST = 2**53 - 1
DEEPEST = 40

# What Unicode 15.0 and 15.1 (Python 3.12 and 3.13) assigned and 14.0 (Python 3.11) had not.
_NEWER = (
    (0xCF3, 0xCF3), (0xECE, 0xECE), (0x2FFC, 0x2FFF), (0x31EF, 0x31EF), (0x10EFD, 0x10EFF), (0x1123F, 0x11241),
    (0x11B00, 0x11B09), (0x11F00, 0x11F10), (0x11F12, 0x11F3A), (0x11F3E, 0x11F59), (0x1342F, 0x1342F),
    (0x13439, 0x13455), (0x1B132, 0x1B132), (0x1B155, 0x1B155), (0x1D2C0, 0x1D2D3), (0x1DF25, 0x1DF2A),
    (0x1E030, 0x1E06D), (0x1E08F, 0x1E08F), (0x1E4D0, 0x1E4F9), (0x1F6DC, 0x1F6DC), (0x1F774, 0x1F776),
    (0x1F77B, 0x1F77F), (0x1F7D9, 0x1F7D9), (0x1FA75, 0x1FA77), (0x1FA87, 0x1FA88), (0x1FAAD, 0x1FAAF),
    (0x1FABB, 0x1FABD), (0x1FABF, 0x1FABF), (0x1FACE, 0x1FACF), (0x1FADA, 0x1FADB), (0x1FAE8, 0x1FAE8),
    (0x1FAF7, 0x1FAF8), (0x2B739, 0x2B739), (0x2EBF0, 0x2EE5D), (0x31350, 0x323AF),
)  # fmt: skip
_STARTS = [first for first, _ in _NEWER]


_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.S)  # brackets, and whole strings so as to pass over theirs


class NotCanonical(ValueError):
    """Where in the document, and what is wrong there."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path, self.message = path, message


def _text(value: str, path: str) -> str:
    for character in value:
        code = ord(character)
        if code < 0x300:
            continue
        at = bisect_right(_STARTS, code) - 1
        if unicodedata.category(character) in ("Cn", "Cs") or (at >= 0 and code <= _NEWER[at][1]):
            raise NotCanonical(path, f"U+{code:04X} is not a character of Unicode 14")
    return unicodedata.normalize("NFC", value)


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise NotCanonical(path, f"the key {key!r} is not text")
    if not key or not all(" " < character <= "~" for character in key):
        raise NotCanonical(path, f"the key {key!r} is not printable ASCII without spaces")
    return key


def _normal(value: Any, path: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise NotCanonical(path, f"nested deeper than {DEEPEST}")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, path)
    if isinstance(value, int):
        if abs(value) > LARGEST:
            raise NotCanonical(path, "an integer of 2^53 or more must be a decimal string")
        return int(value)
    if isinstance(value, list | tuple):
        return [_normal(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, path): _normal(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    raise NotCanonical(path, f"{type(value).__name__} has no place in a plan")


def canonical_bytes(document: Any) -> bytes:
    """The same bytes for the same document on every Python, locale and machine; NotCanonical if it has none."""
    normal = _normal(document, "$", 0)
    text = json.dumps(normal, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8")


def plan_hash(document: Any) -> str:
    """What people approve."""
    return hash_of(canonical_bytes(document))


def hash_of(data: bytes) -> str:
    return "0x" + hashlib.sha256(data).hexdigest()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("$", f"a key stands twice among {sorted(key for key, _ in pairs)}")
    return found


def _no_float(text: str) -> Any:
    raise NotCanonical("$", f"the number {text[:40]} is not an integer")


def _integer(text: str) -> int:
    if len(text) > 17:
        raise NotCanonical("$", "an integer of 2^53 or more must be a decimal string")
    return int(text)


def _refuse_deep(text: str) -> None:
    """Before the parser sees it: how deep Python's own may go depends on the process, and beyond it crashes."""
    depth = 0
    for token in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > DEEPEST:
            raise NotCanonical("$", f"nested deeper than {DEEPEST}")


def parse(data: bytes) -> Any:
    """Read canonical bytes, and only those: any other form of the same document is refused."""
    try:
        text = data.decode("utf-8")
        _refuse_deep(text)
        document = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError:
        raise NotCanonical("$", "not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotCanonical("$", f"not JSON at character {error.pos}") from None
    if canonical_bytes(document) != data:
        raise NotCanonical("$", "the document is valid, but these are not its canonical bytes")
    return document


def main(arguments: list[str]) -> int:
    """`python canonical.py PLAN.json [0xHASH]`: prints the hash; 1 if the file or the hash is not right."""
    if len(arguments) not in (1, 2):
        print("usage: canonical.py PLAN.json [0xHASH]", file=sys.stderr)
        return 2
    data = Path(arguments[0]).read_bytes()
    try:
        parse(data)
    except NotCanonical as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    found = hash_of(data)
    print(found)
    if len(arguments) == 2 and arguments[1].lower() != found:
        print(f"refused: the approved hash is {arguments[1]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
