"""The components: exact, copyable, comparable, and drawn from what exists."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.template import Context, Template

from config.look import marks, text
from config.look.blockies import blocky
from ledger.transitions import Status

ROOT = Path(__file__).resolve().parents[2]
HASH = "0x0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"
SYMBOLS = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static" / "img" / "icons.svg").read_text()))


def draw(source: str, **context: object) -> str:
    return Template("{% load look %}" + source).render(Context(context))


def words(html: str) -> str:
    """What a reader hears or copies."""
    return re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (1234567890123, 6, "1234567.890123"),
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (-5, 1, "-0.5"),
        (2**256 - 1, 0, str(2**256 - 1)),
        ("100000000", 8, "1"),
    ],
)
def test_an_amount_is_exact(value: int | str, decimals: int, shown: str) -> None:
    html = draw("{% amount value decimals=decimals %}", value=value, decimals=decimals)
    assert words(html) == shown
    assert f'value="{shown}"' in html


def test_an_amount_that_nobody_knows_is_not_zero() -> None:
    assert words(draw("{% amount value %}", value=None)) == "not known"


def test_a_chunked_hash_reads_and_copies_as_itself() -> None:
    for source in ("{% hash h label='safeTxHash' %}", "{% address h %}"):
        html = draw(source, h=HASH)
        assert words(html) == HASH
        assert f'<bg-copy class="needs-js" value="{HASH}">' in html
    assert text.chunks(HASH)[:3] == ["0x", "0f1e", "2d3c"]
    assert "0x0f1e…eff0" in words(draw("{% hash h short=True %}", h=HASH))


def test_a_component_leaves_no_room_before_the_next_comma() -> None:
    assert words(draw("{% amount 5 symbol='ETH' %}, then")) == "5 ETH, then"


def test_what_a_component_is_given_is_escaped() -> None:
    nasty = '"><script>alert(1)</script>'
    tags = ("hash v label=v", "address v label=v", "status v", "severity v", "amount 1 symbol=v", "page_head v lead=v")
    for tag in (*tags, "empty v hint=v href=v label=v"):
        assert "<script" not in draw(f"{{% {tag} %}}", v=nasty)


@pytest.mark.parametrize(
    ("seconds", "words_"),
    [(0, "now"), (12, "12 s ago"), (61, "1 min ago"), (7200, "2 h ago"), (-6 * 3600, "in 6 h"), (200_000, "2 d ago")],
)
def test_relative_times(seconds: int, words_: str) -> None:
    now = datetime(2026, 11, 20, 3, 12, 8, tzinfo=UTC)
    assert text.relative(now - timedelta(seconds=seconds), now) == words_


def test_a_time_is_shown_in_utc_whatever_zone_it_comes_in() -> None:
    moment = datetime(2026, 11, 20, 4, 12, 8, tzinfo=ZoneInfo("Europe/Berlin"))
    html = draw("{% when m %}", m=moment)
    assert "20 Nov 2026 03:12:08" in words(html)
    assert 'datetime="2026-11-20T03:12:08+00:00"' in html


def test_a_clock_counts_days_as_hours() -> None:
    assert text.clock(timedelta(days=1, minutes=2, seconds=3)) == "24:02:03"
    assert text.clock(timedelta(seconds=-5)) == "00:00:00"


def test_a_blocky_is_the_same_for_every_writing_of_an_address() -> None:
    address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    assert blocky(address) == blocky(address.lower())
    assert blocky(address) != blocky(address[:-1] + "9")


def test_every_status_of_every_model_has_a_mark() -> None:
    unmarked = {
        model.__name__: sorted(missing)
        for model in apps.get_models()
        if issubclass(model, Status)
        and (missing := {*model.TRANSITIONS, *set().union(*model.TRANSITIONS.values())} - marks.STATUSES.keys())
    }
    assert unmarked == {}


def test_every_symbol_that_is_named_is_drawn() -> None:
    named = {mark.icon for mark in (*marks.STATUSES.values(), *marks.SEVERITIES.values())}
    for template in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r'{% icon "([\w-]+)"', template.read_text()))
    assert named - SYMBOLS == set()


def test_severities_differ_in_shape_and_word() -> None:
    found = list(marks.SEVERITIES.values())
    assert len({mark.icon for mark in found}) == len({mark.text for mark in found}) == 4
    assert marks.severity_mark("1") == marks.severity_mark("sev1") == marks.severity_mark("SEV1")
