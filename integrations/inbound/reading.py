"""What formats share: values of a payload, checked where they are taken out."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

from ledger.errors import Invalid
from ledger.text import one_line

LONGEST_TITLE = 200
MOST_ALERTS = 500
SEVERITY = re.compile(r"(?:SEV|P|S)?-?([1-4])", re.IGNORECASE | re.ASCII)
WORDS = {
    **dict.fromkeys(("critical", "fatal", "emergency", "page", "disaster"), "SEV1"),
    **dict.fromkeys(("high", "error", "major"), "SEV2"),
    **dict.fromkeys(("medium", "warning", "warn", "moderate", "minor"), "SEV3"),
    **dict.fromkeys(("low", "info", "information", "informational", "notice", "none", "unknown"), "SEV4"),
}


def _pairs(text: str) -> str:
    for part in filter(None, (one.strip() for one in text.split(","))):
        word, _, severity = part.partition("=")
        if not word.strip() or not re.fullmatch(r"SEV[1-4]", severity.strip()):
            raise ValueError("is not a list such as page=SEV1, ticket=SEV3")
    return text


Severities = Annotated[str, StringConstraints(max_length=500), AfterValidator(_pairs)]
"""A sender's own words for severities: `page=SEV1, ticket=SEV3`."""


def record_of(body: Any, hint: str) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise Invalid("", "the payload must be a JSON object", hint)
    return body


def part(body: Mapping[str, Any], name: str, path: str = "", *, required: bool = False) -> Mapping[str, Any]:
    """An object within; an empty one if it is not there and need not be."""
    where = f"{path}.{name}" if path else name
    found = body.get(name)
    if found is None and not required:
        return {}
    if not isinstance(found, Mapping):
        raise Invalid(where, "is missing, or is not an object", "an object")
    return found


def items(body: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects, of a length that one transaction can take."""
    found = body.get(name)
    if not isinstance(found, list):
        raise Invalid(name, "is missing, or is not a list", "a list of objects")
    if len(found) > MOST_ALERTS:
        raise Invalid(name, f"holds more than {MOST_ALERTS} alerts", "let the sender send fewer at once")
    for number, one in enumerate(found):
        if not isinstance(one, Mapping):
            raise Invalid(f"{name}.{number}", "is not an object")
    return found


def text(body: Mapping[str, Any], name: str, path: str = "", *, longest: int = 1024, required: bool = False) -> str:
    """One line of text; numbers are text too. Empty if it is not there and need not be."""
    return line(body.get(name), f"{path}.{name}" if path else name, longest=longest, required=required)


def words(body: Mapping[str, Any], name: str, path: str = "", *, longest: int = 1024, required: bool = False) -> str:
    """What a sender says to people: its line breaks are blanks, and of what is too long the beginning counts."""
    value = body.get(name)
    if isinstance(value, str):
        value = " ".join(value.split())[:longest]
    return line(value, f"{path}.{name}" if path else name, longest=longest, required=required)


def line(value: Any, where: str, *, longest: int = 1024, required: bool = False) -> str:
    if value is None and not required:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Invalid(where, "is missing, or is not text", "a few words")
    return one_line(where, str(value), longest, empty=not required)


def title(*found: str) -> str:
    """The first of these that says something, cut to what a title may be; senders write paragraphs."""
    words = " ".join(next((one for one in found if one.strip()), "Alert").split())
    short = words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1] + "…"
    return one_line("title", short, LONGEST_TITLE)


def passage(body: Mapping[str, Any], name: str, path: str = "", *, longest: int = 20_000) -> str:
    """Text of several lines, from which a title may be taken."""
    where = f"{path}.{name}" if path else name
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(where, "is not text", "a few words")
    return value[:longest]


def severity(word: str, own: str = "") -> str:
    """SEV1 to SEV4 of a sender's word; empty for a word that nobody knows: then the key's own severity counts."""
    lower = word.strip().lower()
    for pair in own.split(","):
        name, _, meant = pair.partition("=")
        if lower and name.strip().lower() == lower:
            return meant.strip()
    if match := SEVERITY.fullmatch(lower):
        return f"SEV{match.group(1)}"
    return WORDS.get(lower, "")


def failure_mode(value: str, where: str) -> str:
    if value and not re.fullmatch(r"[a-z0-9-]{1,63}", value):
        raise Invalid(where, "is not a failure mode's name", "lower-case letters, digits and -")
    return value


def digest(body: Any) -> str:
    """Names a payload that has no name of its own: another text is another alert, the same one the same."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
