"""Hints: a Celery message that holds an id. Losing one costs seconds, never work.

What a turn makes due with its last commit, its own worker does next, without a message: a run whose steps follow one
another does not go through the broker between any two of them. It is claimed as any other row, by whoever is first; if
this worker dies before, that is a lost hint.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)
TASK = "work.run"


@dataclass(slots=True)
class Nearby:
    """The row that this thread does next. It is chosen by a turn's last commit, from the queue that the turn is of."""

    queue: str | None = None
    work_id: int | None = None
    crowd: str | None = None
    """The kind of the last turn, if there may be many more of it that nobody hinted."""

    def take(self) -> tuple[int, str] | None:
        found = (self.work_id, self.queue) if self.work_id is not None and self.queue is not None else None
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


def on_commit(work_id: int, queue: str, delay: float = 0) -> None:
    transaction.on_commit(lambda: hint(work_id, queue, delay) or None, robust=True)


def hint(work_id: int, queue: str, delay: float = 0) -> bool:
    """To this thread if it is free next, else to everybody."""
    near = _local.nearby
    if near is not None and near.queue == queue and near.work_id is None and delay <= 0:
        near.work_id = work_id
        return True
    return send(work_id, queue, delay)


def send(work_id: int, queue: str, delay: float = 0) -> bool:
    """Whether the broker took it. It is asked once and briefly: the sweeper asks again."""
    try:
        current_app.send_task(
            TASK, args=[work_id], queue=queue, countdown=delay or None, ignore_result=True, retry=False
        )
    except Exception as error:
        logger.warning("no hint sent: the broker does not answer (%s)", type(error).__name__)
        return False
    return True
