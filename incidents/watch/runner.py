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
from governance.safes.services import follow
from incidents.watch.evaluate import evaluate
from incidents.watch.lease import Held, LostWatch, release, take
from incidents.watch.models import Monitor, WatchedBlock
from incidents.watch.services import write_down
from integrations.chain import heads
from integrations.chain.client import Client, RpcError, client_for
from integrations.chain.models import Chain
from integrations.chain.reading import Block

logger = logging.getLogger(__name__)
POLL = 0.25
MOST_BLOCKS = 64  # after a longer pause only the newest are evaluated
LONGEST_PAUSE = 5.0
RENEW = 1.0


class ChainWatch:
    """Follows one chain. Blocks are told apart by their hash, so a reorg is simply new blocks behind a known one."""

    def __init__(self, chain: Chain, held: Held) -> None:
        self.chain, self.held = chain, held
        self.seen = ""

    def step(self) -> int:
        """Evaluate what is new; returns how many blocks that were."""
        client = client_for(self.chain)
        head = client.existing_block("latest")
        if head.hash == self.seen:
            return 0
        blocks = self._unseen(client, head)
        monitors = list(Monitor.objects.filter(chain=self.chain, enabled=True))
        for block in blocks:
            write_down(self.held, self.chain, evaluate(client, block, monitors))
        self.seen = head.hash
        heads.advance(self.chain, client)  # transactions and readiness live by these; a reorg is told there
        follow(self.chain)  # owners, thresholds and nonces of the chain's Safes
        return len(blocks)

    def _unseen(self, client: Client, head: Block) -> list[Block]:
        """From the head back to a block that was evaluated, oldest first."""
        if self._known(head.hash):
            return []
        path = [head]
        begun = WatchedBlock.objects.filter(chain=self.chain).exists()
        while begun and len(path) < MOST_BLOCKS and not self._known(path[-1].parent_hash):
            parent = client.block(path[-1].parent_hash)
            if parent is None or parent.number + MOST_BLOCKS < head.number or parent.number == 0:
                break
            path.append(parent)
        return path[::-1]

    def _known(self, block_hash: str) -> bool:
        return WatchedBlock.objects.filter(chain=self.chain, hash=block_hash).exists()


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
                return
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
        connection.close()

    def _back_off(self, chain: Chain, pause: float, why: str) -> float:
        logger.warning("chain %s: %s; looking again", chain.chain_id, why)
        return min(max(pause * 2, 0.5), LONGEST_PAUSE)
