"""What people write: checked once, where it comes in, so that no page, mail or log has to mistrust it."""

import unicodedata

from ledger.errors import Invalid

# They turn the direction of what follows: a title that holds one reads otherwise than it is.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = frozenset("\n\r\t")


def one_line(field: str, value: str, longest: int, *, empty: bool = False) -> str:
    """A title or a label: it stands in lists, in subjects of mails, beside what is signed."""
    return _checked(field, value, longest, empty=empty, breaks=frozenset())


def prose(field: str, value: str, longest: int, *, empty: bool = False) -> str:
    """A text of several lines."""
    return _checked(field, value, longest, empty=empty, breaks=_BREAKS)


def _checked(field: str, value: str, longest: int, *, empty: bool, breaks: frozenset[str]) -> str:
    text = value.strip()
    if not text and not empty:
        raise Invalid(field, "is empty", "a few words")
    if len(text) > longest:
        raise Invalid(field, f"is longer than {longest} characters", f"at most {longest}")
    for sign in text:
        if sign in breaks:
            continue
        if sign in _TURNING:
            raise Invalid(field, "holds a character that turns the direction of writing", "plain text")
        if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp"):
            what = "a line break" if sign in "\n\r\u2028\u2029\x85" else "a control character"
            raise Invalid(field, f"holds {what}", "plain text" if breaks else "one line of plain text")
    return text
