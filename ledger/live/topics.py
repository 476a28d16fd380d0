"""What a page can follow: rooms register topics in their live.py; the ledger knows none of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ledger.models import Event

ScopeOf = Callable[[int], int | None]
Matches = Callable[[Event], Iterable[int]]
Render = Callable[[Event, int, str], str]


@dataclass(frozen=True)
class Topic:
    """`name:<id>` on a page.

    `scope_of` gives the id of the scope that guards it (None: any viewer may follow it) and raises LookupError for an
    unknown id; `matches` gives the ids an event touches; `render` gives HTML whose elements carry `hx-swap-oob`, drawn
    once per event and audience (the viewer's level) and sent to every socket of that audience.
    """

    name: str
    scope_of: ScopeOf
    matches: Matches
    render: Render
    here: bool = False


TOPICS: dict[str, Topic] = {}


def topic(name: str, *, scope_of: ScopeOf, matches: Matches, render: Render, here: bool = False) -> None:
    if name in TOPICS:
        raise RuntimeError(f"two topics are called {name}")
    TOPICS[name] = Topic(name, scope_of, matches, render, here)


def parse(key: str) -> tuple[Topic, int] | None:
    """`incident:42` as its topic and id, or None for anything else."""
    name, _, number = key.partition(":")
    if name not in TOPICS or not number.isdecimal() or len(number) > 18:
        return None
    return TOPICS[name], int(number)
