"""Who is behind a socket, asked anew whenever the ledger says that somebody's rights may have changed."""

import time
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from ledger.models import Event

CHANGES_RIGHTS = ("role.", "user.", "grant.", "scope.")
# Whoever is still logged in opens another socket at once; whoever is not has no business with this one.
ENDS_SESSIONS = ("user.logged_out", "user.sessions.ended", "user.password.changed", "user.deactivated")
LONGEST_AGE = 5.0


@dataclass(frozen=True)
class Card:
    """A viewer, read whole, so that it can be asked outside the database thread."""

    user_id: int
    is_active: bool
    sees_all: bool
    actor_ids: frozenset[str]
    audience: str
    name: str = ""


class Cards:
    """The viewers of this process's sockets."""

    def __init__(self) -> None:
        self._cards: dict[int, Card] = {}
        self._read_at = 0.0

    def heed(self, event: Event) -> None:
        if event.verb.startswith(CHANGES_RIGHTS):
            self._cards.clear()

    def of(self, user_ids: set[int]) -> dict[int, Card]:
        if time.monotonic() - self._read_at > LONGEST_AGE:
            self._cards.clear()
            self._read_at = time.monotonic()
        if missing := user_ids - self._cards.keys():
            model: Any = get_user_model()
            for user in model.viewers(missing):
                self._cards[user.pk] = Card(
                    user_id=user.pk,
                    is_active=bool(user.is_active),
                    sees_all=bool(getattr(user, "sees_all", False)),
                    actor_ids=frozenset(getattr(user, "actor_ids", ())),
                    audience=str(getattr(user, "level", "viewer")),
                    name=user.get_full_name() or user.get_username(),
                )
        return {pk: self._cards[pk] for pk in user_ids if pk in self._cards}
