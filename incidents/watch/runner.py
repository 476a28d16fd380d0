"""`manage.py watch`: one thread a chain looks for a new head several times a second and evaluates each block once."""

import logging
import os
import signal
import socket
import threading
import time
from types import FrameType

from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Q

from governance.safes.models import Safe
from incidents.watch.chain_watch import ChainWatch
from incidents.watch.lease import Held, LostWatch, release, take
from incidents.watch.models import Monitor
from integrations.chain.client import RpcError
from integrations.chain.models import Chain

__all__ = ["ChainWatch", "Watcher"]

logger = logging.getLogger(__name__)
POLL = 0.25
LONGEST_PAUSE = 5.0
RENEW = 1.0


class Watcher:
    """Holds the lease, and keeps a thread for every chain that has monitors or Safes."""

    def __init__(self) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self.stopping = threading.Event()
        self.held: Held | None = None
        self.threads: dict[int, threading.Thread] = {}

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self.stopping.set()

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        while not self.stopping.is_set():
            try:
                self._tend()
            except DatabaseError:
                logger.warning("the database does not answer; trying again")
                connection.close()
            self.stopping.wait(RENEW)
        for thread in self.threads.values():
            thread.join(2)
        if self.held:
            try:
                release(self.held)
            except DatabaseError:
                logger.warning("the watch could not be handed back; it runs out by itself")

    def _tend(self) -> None:
        close_old_connections()
        held = take(self.holder)
        if held != self.held:
            logger.info("watching" if held else "another process watches", extra={"holder": self.holder})
        self.held = held
        if held is None:
            return
        monitored = Q(pk__in=Monitor.objects.filter(enabled=True).values("chain_id"))
        wanted = Chain.objects.filter(monitored | Q(pk__in=Safe.objects.values("chain_id")))
        for chain in wanted:
            thread = self.threads.get(chain.pk)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(target=self._follow, args=(chain, held), name=f"watch-{chain.chain_id}")
                thread.daemon = True
                self.threads[chain.pk] = thread
                thread.start()

    def _follow(self, chain: Chain, held: Held) -> None:
        watch, pause = ChainWatch(chain, held), POLL
        while not self.stopping.is_set() and self.held == held:
            started = time.monotonic()
            try:
                watch.step()
                pause = POLL
            except LostWatch:
                break
            except RpcError as error:
                pause = self._back_off(chain, pause, str(error))
            except DatabaseError:
                connection.close()
                pause = self._back_off(chain, pause, "the database does not answer")
            except Exception:
                logger.exception("watching %s failed", chain)
                pause = self._back_off(chain, pause, "an unexpected error")
            close_old_connections()
            self.stopping.wait(max(0.02, pause - (time.monotonic() - started)))
        watch.close()
        connection.close()

    def _back_off(self, chain: Chain, pause: float, why: str) -> float:
        logger.warning("chain %s: %s; looking again", chain.chain_id, why)
        return min(max(pause * 2, 0.5), LONGEST_PAUSE)
