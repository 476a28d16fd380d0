"""What people write, judged where it comes in."""

import pytest

from ledger.errors import Invalid
from ledger.text import one_line, prose


@pytest.mark.parametrize("text", ["Pause", "  Pausé 暂停 👩‍🚒  ", "a" * 10])
def test_plain_text_is_taken_as_it_is(text: str) -> None:
    assert one_line("title", text, 30) == prose("title", text, 30) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["", "   ", "a" * 31, "a\nb", "a\rb", "a\tb", "a\x00b", "a\x1b[2Jb", "a\x85b", "a\u2028b", "a\u202eb", "a\u2066b"],
)
def test_a_title_that_could_pass_for_something_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as told:
        one_line("title", text, 30)
    assert told.value.field == "title"


def test_prose_has_lines_but_nothing_that_cannot_be_seen() -> None:
    assert prose("text", "one\n\ttwo\r\n", 30) == "one\n\ttwo"
    assert prose("text", " ", 30, empty=True) == ""
    for sign in ("\x00", "\x1b", "\u202e", "\x7f"):
        with pytest.raises(Invalid):
            prose("text", f"a{sign}b", 30)
