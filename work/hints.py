"""Hints: a Celery message that holds an id, or a kind of which something is due. Losing one costs seconds, never work.

What a turn makes due with its last commit, its own worker does next, without a message: a run whose steps follow one
another does not go through the broker between any two of them. It is claimed as any other row, by whoever is first; if
this worker dies before, that is a lost hint.

Of what is gathered (`registry.handler`) a process hints the first at once, and all that follows within a moment by one
more hint after it: whoever comes takes all that is due by then.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from celery import current_app
from django.db import transaction

from work.registry import is_gathered, queue_of

logger = logging.getLogger(__name__)
TASK, GATHERED = "work.run", "work.gathered"
MOMENT = 0.05


@dataclass(slots=True)
class Nearby:
    """The row that this thread does next. It is chosen by a turn's last commit, from the queue that the turn is of."""

    queue: str | None = None
    work_id: int | None = None
    kind: str = ""
    crowd: str | None = None
    """The kind of the last turn, if there may be many more of it that nobody hinted."""

    def offer(self, work_id: int, kind: str) -> bool:
        """Whether this thread does it: next, or along with what it does next."""
        if self.queue != queue_of(kind):
            return False
        if self.work_id is None:
            self.work_id, self.kind = work_id, kind
            return True
        return self.kind == kind and is_gathered(kind)

    def take(self) -> tuple[int, str] | None:
        found = (self.work_id, self.kind) if self.work_id is not None and self.queue is not None else None
        self.work_id = self.queue = None
        return found


class _Local(threading.local):
    nearby: Nearby | None = None


_local = _Local()


@contextmanager
def nearby() -> Iterator[Nearby]:
    """For a worker's thread that goes on with what its turns make due."""
    _local.nearby = Nearby()
    try:
        yield _local.nearby
    finally:
        _local.nearby = None


def last_commit(queue: str) -> None:
    """Told by a turn that is about to end: what becomes due with this commit waits for nothing else of the turn."""
    if _local.nearby is not None:
        _local.nearby.queue = queue


def turn_of(kind: str, *, crowd: bool) -> None:
    if _local.nearby is not None:
        _local.nearby.crowd = kind if crowd else None


class Sparing:
    """Of what comes one by one but many a second, of a crowd whose turns take longer than a moment, not each is hinted:
    whoever comes for one goes on with those that nobody hinted, and the sweeper looks for what is left."""

    SECONDS = 0.03

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def wants(self, kind: str) -> bool:
        now = time.monotonic()
        if now - self._last.get(kind, float("-inf")) < self.SECONDS:
            return False
        self._last[kind] = now
        return True


SPARING = Sparing()


def on_commit(work_id: int, kind: str, delay: float = 0) -> None:
    transaction.on_commit(lambda: hint(work_id, kind, delay) or None, robust=True)


def hint(work_id: int, kind: str, delay: float = 0) -> bool:
    """To this thread if it is free next, else to everybody."""
    near = _local.nearby
    if near is not None and delay <= 0 and near.offer(work_id, kind):
        return True
    if delay <= 0 and is_gathered(kind):
        GATHERING.ask(kind)
        return True
    return send(work_id, queue_of(kind), delay)


def send(work_id: int, queue: str, delay: float = 0) -> bool:
    """Whether the broker took it. It is asked once and briefly: the sweeper asks again."""
    return _tell(TASK, work_id, queue, delay)


def call(kind: str) -> bool:
    """For all that is due of a gathered kind."""
    return _tell(GATHERED, kind, queue_of(kind))


def _tell(task: str, what: int | str, queue: str, delay: float = 0) -> bool:
    try:
        current_app.send_task(task, args=[what], queue=queue, countdown=delay or None, ignore_result=True, retry=False)
    except Exception as error:
        logger.warning("no hint sent: the broker does not answer (%s)", type(error).__name__)
        return False
    return True


class Gathering:
    """One hint a kind and moment. The last one is never left out: whatever is committed, a hint follows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self._waiting: dict[str, float] = {}
        self._thread: threading.Thread | None = None

    def ask(self, kind: str) -> None:
        with self._lock:
            if kind in self._waiting:
                return
            now = time.monotonic()
            due = self._told.get(kind, float("-inf")) + MOMENT
            if due > now:
                self._waiting[kind] = due
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="gathered hints", daemon=True)
                    self._thread.start()
                return
            self._told[kind] = now
        call(kind)

    def _run(self) -> None:
        while found := self._next():
            kind, due = found
            time.sleep(max(0.0, due - time.monotonic()))
            with self._lock:
                del self._waiting[kind]
                self._told[kind] = time.monotonic()
            call(kind)

    def _next(self) -> tuple[str, float] | None:
        with self._lock:
            if not self._waiting:
                self._thread = None
                return None
            return min(self._waiting.items(), key=lambda one: one[1])


GATHERING = Gathering()
