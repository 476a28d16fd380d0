"""Following one chain: every new block is evaluated once, and what is no part of a block is looked at in between."""

import time
from typing import Any

from django.db.models import Count, F, Sum

from governance.safes.services import follow
from incidents.watch.around import Around
from incidents.watch.asking import At
from incidents.watch.evaluate import Roster, evaluate, judge_surroundings, prepare, readings
from incidents.watch.history import History
from incidents.watch.lease import Held
from incidents.watch.models import Monitor, WatchedBlock
from incidents.watch.reading import Reader
from incidents.watch.writing import write_changes, write_down
from integrations.chain import heads
from integrations.chain.client import Client, RpcError, client_for
from integrations.chain.models import Chain
from integrations.chain.reading import Block

MOST_BLOCKS = 64  # after a longer pause only the newest are evaluated
PULSE = 2.0
"""Seconds between looks at what is no part of a block, while no block comes."""


class ChainWatch:
    """Follows one chain. Blocks are told apart by their hash, so a reorg is simply new blocks behind a known one."""

    def __init__(self, chain: Chain, held: Held) -> None:
        self.chain, self.held = chain, held
        self.seen = ""
        self.history = History(chain)
        self.reader = Reader()
        self.around = Around(chain)
        self._roster: Roster = Roster()
        self._mark: object = None
        self._pulsed, self._began = 0.0, time.time()
        self._beside: dict[str, Any] = {}

    def step(self) -> int:
        """Evaluate what is new; returns how many blocks that were."""
        client = client_for(self.chain)
        try:
            head = client.existing_block("latest")
        except RpcError:
            self._pulse(client, None)
            raise
        if head.hash == self.seen:
            self._pulse(client, head)
            return 0
        blocks = self._unseen(client, head)
        for block in blocks:
            self._evaluate(client, block, late=block is not blocks[-1])
        self.seen = head.hash
        heads.advance(self.chain, client)  # transactions and readiness live by these; a reorg is told there
        self._pulse(client, head, at_once=True)
        follow(self.chain)  # owners, thresholds and nonces of the chain's Safes
        return len(blocks)

    def close(self) -> None:
        self.around.close()

    def _evaluate(self, client: Client, block: Block, *, late: bool) -> None:
        roster = self.roster()
        try:
            self.history.lead_to(block, roster.window)
            evaluation = evaluate(client, block, roster, history=self.history, reader=self.reader)
            write_down(self.held, self.chain, evaluation, self.history, self._beside, late=late)
        except BaseException:
            self._forget()  # what is in memory may say more than what was committed
            raise

    def roster(self) -> Roster:
        """The chain's monitors, read again when somebody changed one."""
        rows = Monitor.objects.filter(chain=self.chain, enabled=True)
        mark = tuple(rows.aggregate(a=Count("pk"), b=Sum("revision"), c=Sum(F("pk") * F("revision"))).values())
        if mark != self._mark:
            self._forget()
            self._roster, self._mark = prepare(rows, self.chain), mark
        return self._roster

    def _forget(self) -> None:
        self._mark, self.history = None, History(self.chain)

    def _pulse(self, client: Client, head: Block | None, *, at_once: bool = False) -> None:
        """Judged as things stand now; also while no block comes, and while no endpoint answers."""
        if not at_once and time.monotonic() - self._pulsed < PULSE:
            return
        roster = self.roster()
        self._pulsed = time.monotonic()
        tip = WatchedBlock.objects.filter(chain=self.chain).defer("readings", "kept").order_by("-pk").first()
        if not roster.surrounding or tip is None:
            return
        block = head or Block(tip.number, tip.hash, tip.parent_hash or "", tip.timestamp, 0)
        reads = [read for one in roster.surrounding for read in one.reads]
        answers = self.around.ask(client, block, reads)
        at = At(block, time.time(), tip.at.timestamp(), self._began)
        try:
            results = judge_surroundings(roster.surrounding, answers, at)
            write_changes(self.held, results, block)
            self._beside = readings(results)
        except BaseException:
            self._forget()
            raise

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
