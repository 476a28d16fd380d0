"""What monitors look at that is no part of a block: endpoints, finality, pages outside, our own transactions.

What leaves the house is asked for in threads, so that a page that hangs holds up nobody else's alarm: what is not there
in time is judged at the next look, a second or two later.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from incidents.watch.asking import Branch, Branches, Endpoints, Flight, Flights, Page, PageSeen, SurroundingRead, Tagged
from incidents.watch.models import WatchedBlock
from integrations import outgoing
from integrations.chain.client import Client, RpcError
from integrations.chain.endpoints import glance
from integrations.chain.models import Chain
from integrations.chain.reading import Block
from integrations.chain.transactions.models import Transaction

PATIENCE = 0.4
FRESH = 60.0
"""Seconds for which an earlier answer stands in for one that is still on its way."""
AT_ONCE = 8
Outside = Tagged | Endpoints | Page


class Around:
    """Keeps what is under way between looks; nothing here needs to outlive the process."""

    def __init__(self, chain: Chain, patience: float = PATIENCE) -> None:
        self.chain, self.patience = chain, patience
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix=f"around-{chain.chain_id}")
        self._under_way: dict[Outside, Future[Any]] = {}
        self._last: dict[Outside, tuple[float, Any]] = {}

    def ask(self, client: Client, block: Block, reads: Iterable[SurroundingRead]) -> dict[SurroundingRead, Any]:
        """The answers there are; what is still on its way for the first time is not among them."""
        wanted = list(dict.fromkeys(reads))
        outside = [read for read in wanted if isinstance(read, Tagged | Endpoints | Page)]
        for read in outside:
            if read not in self._under_way:
                self._under_way[read] = self._pool.submit(self._task(read, client))
        found: dict[SurroundingRead, Any] = {}
        for inside in wanted:
            if isinstance(inside, Flights):
                found[inside] = flights(self.chain, block)
            elif isinstance(inside, Branches):
                found[inside] = branches(self.chain, block, inside.blocks)
        wait([self._under_way[read] for read in outside], timeout=self.patience)
        for read in outside:
            if read in self._under_way and self._under_way[read].done():
                self._last[read] = (time.monotonic(), self._under_way.pop(read).result())
            at, answer = self._last.get(read, (-FRESH, None))
            if time.monotonic() - at < FRESH:
                found[read] = answer
        return found

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _task(self, read: Outside, client: Client) -> Callable[[], Any]:
        """None instead of an answer where none came; nothing is raised in another thread."""
        if isinstance(read, Page):
            return lambda: look_at_page(read)
        if isinstance(read, Tagged):
            return lambda: _tagged(client, read.tag)
        return lambda: _glances(self.chain, client)


def look_at_page(read: Page) -> PageSeen:
    """Asked twice before it is called down: a connection may break by itself."""
    started = time.monotonic()
    status, problem = 0, ""
    for _ in range(2):
        status, problem = _fetch(read)
        if not problem:
            break
    return PageSeen(status, int((time.monotonic() - started) * 1000), problem)


def _fetch(read: Page) -> tuple[int, str]:
    try:
        answer = outgoing.request("GET", read.url, timeout=read.timeout, redirects=3)
    except outgoing.OutgoingError as error:
        return 0, error.message
    if answer.status >= 400:
        return answer.status, f"it answers {answer.status}"
    if read.contains and read.contains.encode() not in answer.body:
        return answer.status, f"it answers, but without {read.contains!r}"
    return answer.status, ""


def _tagged(client: Client, tag: str) -> Block | None:
    try:
        return client.block(tag)
    except RpcError:
        return None


def _glances(chain: Chain, client: Client) -> Any:
    try:
        return glance(chain, client)
    except RpcError:
        return None


def flights(chain: Chain, block: Block) -> list[Flight]:
    """Those that an endpoint has been asked to mine."""
    rows = Transaction.objects.filter(chain=chain, status__in=("signed", "broadcast"), sent_block__isnull=False)
    found = rows.order_by("sent_block").values_list("pk", "about", "sent_block")[:100]
    return [Flight(pk, about, max(0, block.number - (sent or 0))) for pk, about, sent in found]


def branches(chain: Chain, block: Block, blocks: int) -> list[Branch]:
    """Runs of numbers at which we looked at a block that is no ancestor of this one."""
    rows = WatchedBlock.objects.filter(chain=chain, number__gt=block.number - blocks)
    known = {row.hash: row for row in rows.only("number", "hash", "parent_hash")}
    on_branch: set[str] = set()
    here = block.hash
    while here in known and here not in on_branch:
        on_branch.add(here)
        here = known[here].parent_hash or ""
    lost = sorted({row.number for row in known.values() if row.hash not in on_branch})
    found: list[Branch] = []
    for number in lost:
        if found and found[-1].lowest + found[-1].depth == number:
            found[-1] = Branch(found[-1].lowest, found[-1].depth + 1)
        else:
            found.append(Branch(number, 1))
    return found
