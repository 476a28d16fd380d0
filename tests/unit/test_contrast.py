"""The tokens' contrast, computed: WCAG 2.2 AA in both themes."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css"
SURFACES = ("paper", "surface", "sunken", "hover")
WORDS = ("ink", "ink-2", "ink-3", "accent", "accent-strong", "good", "warn", "bad", "unknown", "sev2")
ON_TINTS = [
    ("good", "good-tint"),
    ("warn", "warn-tint"),
    ("bad", "bad-tint"),
    ("unknown", "unknown-tint"),
    ("sev2", "sev2-tint"),
    *((word, f"{tone}-tint") for word in ("ink", "ink-2", "ink-3") for tone in ("good", "warn", "bad", "unknown")),
    ("ink", "accent-tint"),
    ("accent", "accent-tint"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("on-fill", "bad-fill"),
    ("on-fill", "bad-fill-strong"),
]
# What is no text but must be seen: the edge of a control, the ring of the focus.
EDGES = [(edge, surface) for edge in ("rule-strong", "accent") for surface in ("paper", "surface")]


def tokens(theme: str) -> dict[str, str]:
    """Every colour of a theme."""
    text = TOKENS.read_text()
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", text)
    found = {name: (light if theme == "light" else dark) for name, light, dark in pairs}
    return {**found, **dict(re.findall(r"--([\w-]+): (#\w{6});", text))}


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_itself() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_can_be_read_on_every_surface(theme: str) -> None:
    found = tokens(theme)
    pairs = [(word, surface) for word in WORDS for surface in SURFACES] + ON_TINTS
    weak = {pair: round(contrast(found[pair[0]], found[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edges_of_controls_can_be_seen(theme: str) -> None:
    found = tokens(theme)
    weak = {pair: round(contrast(found[pair[0]], found[pair[1]]), 2) for pair in EDGES}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 3} == {}
