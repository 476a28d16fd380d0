"""How much one sender may send. Counted in this process alone: a count that others share would cost more than to take
an alert, and would be away when Redis is."""

import threading
import time

from django.conf import settings

WINDOW = 60


class Limit:
    """So many a minute for each name; the minute before counts in proportion to what of it is still within reach."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def take(self, name: str) -> float:
        """0 if it may pass, else the seconds after which it is judged afresh. What is refused counts too."""
        window, elapsed = divmod(time.time(), WINDOW)
        with self._lock:
            if window != self._window:
                self._before = self._now if window == self._window + 1 else {}
                self._now, self._window = {}, int(window)
            self._now[name] = count = self._now.get(name, 0) + 1
            before = self._before.get(name, 0)
        left = WINDOW - elapsed
        return left if count + before * left / WINDOW > settings.INBOUND_PER_MINUTE else 0

    def forget(self) -> None:
        with self._lock:
            self._now, self._before = {}, {}


SENDERS = Limit()
