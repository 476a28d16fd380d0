"""The ledger's process: links what was recorded, wakes the browsers, and feeds the subscribers."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import redis
from channels.layers import get_channel_layer
from django.db import OperationalError, close_old_connections, connection
from django.db.utils import InterfaceError

from ledger import hints
from ledger.chain import BATCH, link_once
from ledger.subscriptions import dispatch, ensure_rows

logger = logging.getLogger(__name__)
LONGEST_WAIT = 0.1  # without a hint we look this often: Redis may be down, and linking must stay within 250 ms
GATHER = 0.04  # a first event is linked at once; those that follow closely are linked together. More than hints.QUIET
MANY, GATHER_MANY = 10, 0.1  # while so many come each time, a turn that costs as much for few is taken less often


class Ear:
    """Hears the hints; without Redis it simply waits."""

    def __init__(self) -> None:
        self._pubsub: redis.client.PubSub | None = None
        self._retry_at = 0.0

    def wait(self) -> None:
        if self._pubsub is None and time.monotonic() >= self._retry_at:
            self._connect()
        if self._pubsub is None:
            time.sleep(LONGEST_WAIT)
            return
        try:
            if self._pubsub.get_message(ignore_subscribe_messages=True, timeout=LONGEST_WAIT):
                while self._pubsub.get_message(ignore_subscribe_messages=True, timeout=0):
                    pass
        except (redis.RedisError, OSError):
            self._pubsub, self._retry_at = None, time.monotonic() + 1

    def _connect(self) -> None:
        try:
            pubsub = hints.client().pubsub()
            pubsub.subscribe(hints.RECORDED)
            self._pubsub = pubsub
        except (redis.RedisError, OSError):
            self._retry_at = time.monotonic() + 1


class Crier:
    """Tells the web processes how far the chain reaches; they read the rest from the database.

    It keeps one event loop: the channel layer has its connection to Redis in it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def tell(self, seq: int) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            self._loop.run_until_complete(layer.group_send(hints.LINKED_GROUP, {"type": "linked", "seq": seq}))
        except Exception:
            logger.warning("browsers were not woken; they will look by themselves", exc_info=True)


def link_all(crier: Crier) -> int:
    """Link everything there is and announce it; returns how many events were linked."""
    linked = 0
    while seqs := link_once():
        linked += len(seqs)
        crier.tell(seqs[-1])
        if len(seqs) < BATCH:
            break
    return linked


class Runner:
    """Two threads: browsers must not wait for subscribers, nor the other way round."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.news = threading.Event()

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self.stopping.set()
        self.news.set()

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        hands = threading.Thread(target=self._hand_on, name="subscribers")
        hands.start()
        ear, crier = Ear(), Crier()
        while not self.stopping.is_set():
            began = time.monotonic()
            linked = self._undisturbed(partial(link_all, crier))
            if linked:
                self.news.set()
                pause = GATHER if linked < MANY else GATHER_MANY
                self.stopping.wait(max(0.0, began + pause - time.monotonic()))
                continue  # whoever recorded meanwhile may have thought us awake
            ear.wait()
        hands.join()

    def _hand_on(self) -> None:
        """Feed the subscribers when there is news, and every second: one that failed may be due again."""
        while not self.stopping.is_set() and not self._undisturbed(ensure_rows):
            pass
        while not self.stopping.is_set():
            self.news.wait(1)
            self.news.clear()
            self._undisturbed(dispatch)

    def _undisturbed(self, turn: Callable[[], Any]) -> Any:
        """The database may be away for a while; both threads outlive that."""
        try:
            return turn()
        except (OperationalError, InterfaceError):
            logger.warning("the database does not answer; trying again")
            connection.close()
            self.stopping.wait(0.5)
            return None
        finally:
            if connection.errors_occurred:  # else it works: asking it at every turn would be a statement more
                close_old_connections()
