"""Who is here: whose pages follow a topic now, told to everybody else who follows it.

Each process tells the others through the broker whom its own sockets stand for, and says it again and again: what is
not repeated is forgotten, so that a process that died leaves nobody behind. Nothing of this is stored.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

GROUP = "live.here"
TYPE = "live.here"
REPEATED = 10.0
FORGOTTEN = 25.0
MOST = 40
Following = dict[str, frozenset[int]]  # the people of each topic


@dataclass
class Presence:
    """What one process knows of itself and of the others."""

    name: str = field(default_factory=lambda: uuid4().hex)
    _others: dict[str, tuple[float, Following]] = field(default_factory=dict)
    _told: Following = field(default_factory=dict)
    _told_at: float = float("-inf")
    _shown: Following = field(default_factory=dict)
    _shown_at: float = float("-inf")

    def to_tell(self, mine: Following, *, last: bool = False) -> dict[str, Any] | None:
        """The message for the other processes, when it is news or time to repeat it."""
        now = time.monotonic()
        if mine == self._told and not last and (now - self._told_at < REPEATED or not mine):
            return None
        self._told, self._told_at = mine, now
        return {"type": TYPE, "process": self.name, "here": {key: sorted(ids) for key, ids in mine.items()}}

    def hear(self, message: Mapping[str, Any]) -> None:
        if message["process"] != self.name:
            here = {str(key): frozenset(map(int, ids)) for key, ids in message["here"].items()}
            self._others[message["process"]] = (time.monotonic(), here)

    def everybody(self, mine: Following) -> Following:
        """Of each topic that somebody follows in this process."""
        fresh = time.monotonic() - FORGOTTEN
        self._others = {name: said for name, said in self._others.items() if said[0] > fresh}
        return {
            key: ids.union(*(here.get(key, frozenset()) for _, here in self._others.values()))
            for key, ids in mine.items()
        }

    def is_news(self, everybody: Following) -> bool:
        """Somebody came or went; or it is time to look again at who may still be here."""
        now = time.monotonic()
        if everybody == self._shown and now - self._shown_at < REPEATED:
            return False
        self._shown, self._shown_at = everybody, now
        return True


def following(sockets: Iterable[tuple[int, Iterable[str]]], names: frozenset[str]) -> Following:
    """The people behind sockets, by the topics that say who is here."""
    found: dict[str, set[int]] = {}
    for user_id, keys in sockets:
        for key in keys:
            if key.partition(":")[0] in names:
                found.setdefault(key, set()).add(user_id)
    return {key: frozenset(ids) for key, ids in found.items()}
