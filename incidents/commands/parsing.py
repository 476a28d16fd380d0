"""The words of a command line."""

import re
from datetime import timedelta

from accounts.models import User
from incidents.incidents.people import named
from ledger.errors import Invalid
from runbooks.playbooks.durations import PATTERN, parse_duration

LONGEST_LINE = 12_000
SHORT = re.compile(PATTERN)


def split(line: str) -> tuple[str, str]:
    """`/sev 1 worse` as `sev` and `1 worse`."""
    name, _, rest = line.strip().removeprefix("/").partition(" ")
    return name.lower(), rest.strip()


def first_word(text: str) -> tuple[str, str]:
    word, _, rest = text.strip().partition(" ")
    return word, rest.strip()


def person_in(text: str) -> tuple[User | None, str]:
    """The first `@name` in a text, and the text without it."""
    found = re.search(r"(?:^|\s)@(\S+)", text)
    if found is None:
        return None, text.strip()
    rest = f"{text[: found.start()]} {text[found.end() :]}"
    return named(found[1]), " ".join(rest.split())


def wanted_person(text: str) -> tuple[User, str]:
    user, rest = person_in(text)
    if user is None:
        raise Invalid("", "Nobody is named.", "a person, such as @ben")
    return user, rest


def promise_in(text: str) -> tuple[timedelta | None, bool, str]:
    """A duration in front, such as `15m`: how long, whether anything was said of it (`none` is), and the rest."""
    word, rest = first_word(text)
    if word == "none":
        return None, True, rest
    if word and SHORT.match(word):
        return timedelta(seconds=parse_duration(word)), True, rest
    return None, False, text.strip()


def number_in(text: str, field: str) -> tuple[int, str]:
    word, rest = first_word(text)
    plain = word.removeprefix("#")
    if not (plain.isascii() and plain.isdigit() and len(plain) < 19):
        raise Invalid(field, f"{word[:40]!r} is not a number", "such as 3")
    return int(plain), rest
