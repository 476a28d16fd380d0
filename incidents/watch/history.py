"""What monitors kept of the past, along the branch that is looked at: rows, read again after a restart or a reorg."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Q

from incidents.watch.asking import Past, Sample
from incidents.watch.models import WatchedBlock
from integrations.chain.models import Chain
from integrations.chain.reading import Block

KEPT_BLOCKS = 512
"""Every block of so many is kept; deeper reorgs than that do not happen to chains with finality."""
LONGEST = 25 * 3600
"""Seconds of the past that a monitor may want, and an hour."""
READINGS = 128
PRUNED_EVERY = 64
BEHIND = "r"
"""Under which it stands in a block's JSON up to where a monitor has heard its events, before its id."""


class History:
    """Follows one branch. `tip` is the newest block of it; what lies beside it is not seen."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.tip = ""
        self.number: int | None = None
        self._minute = -1
        self._path: dict[str, int] = {}
        self._pasts: dict[str, Past] = {}

    def lead_to(self, block: Block, window: int) -> None:
        """Be on the branch of this block's parent; reads rows only when that is not where we are."""
        if self.tip and self.tip == block.parent_hash:
            return
        self._path, self._pasts, self.number, self._minute = {}, {}, None, -1
        self.tip = block.parent_hash
        rows = WatchedBlock.objects.filter(chain=self.chain, number__lt=block.number).order_by("-number", "-pk")
        fields = ("pk", "number", "hash", "parent_hash", "timestamp", "kept")
        # However long nobody watched: the last blocks that were looked at are where monitors go on from.
        found = list(rows.values_list(*fields)[: KEPT_BLOCKS + 2 * PRUNED_EVERY])
        if window and found:
            minutes = rows.filter(number__lt=found[-1][1], on_the_minute=True, timestamp__gte=block.timestamp - window)
            found += minutes.values_list(*fields)
        self._walk(block, found)

    def _walk(self, block: Block, rows: list[tuple[Any, ...]]) -> None:
        """From the parent down. Where a block is missing (a pause, or only minutes are kept) on from the next lower one
        that was looked at last."""
        by_hash = {row[2]: row for row in rows}
        wanted, below = block.parent_hash, block.number
        line: list[tuple[Any, ...]] = []
        at = 0
        while True:
            row = by_hash.get(wanted)
            if row is None:
                while at < len(rows) and rows[at][1] >= below:
                    at += 1
                if at == len(rows):
                    break
                row = rows[at]
            line.append(row)
            wanted, below = row[3], row[1]
        for _, number, block_hash, _, timestamp, kept in reversed(line):
            self._add(number, block_hash, timestamp, kept)

    def _add(self, number: int, block_hash: str, timestamp: int, kept: Mapping[str, Any]) -> None:
        self._path[block_hash] = number
        self.number, self._minute = number, timestamp // 60
        for key, values in kept.items():
            self._pasts.setdefault(key, Past()).add(Sample(number, timestamp, values))

    def extend(self, block: Block, kept: Mapping[str, Any]) -> None:
        """This block was written down."""
        self._add(block.number, block.hash, block.timestamp, kept)
        self.tip = block.hash
        if block.number % PRUNED_EVERY == 0:
            self._forget(block)

    def _forget(self, block: Block) -> None:
        low, early = block.number - KEPT_BLOCKS, block.timestamp - LONGEST
        self._path = {block_hash: number for block_hash, number in self._path.items() if number >= low}
        for key, past in self._pasts.items():
            self._pasts[key] = Past(_thinned(past.samples, low, early))

    def begins_minute(self, block: Block) -> bool:
        return self._minute != block.timestamp // 60

    def past(self, monitor: int) -> Past:
        return self._pasts.get(f"m{monitor}") or Past()

    def behind(self, monitor: int) -> Past:
        return self._pasts.get(f"{BEHIND}{monitor}") or Past()

    def holds(self, block_hash: str | None) -> bool:
        """Whether this block is on the branch, as far down as we remember it."""
        return block_hash in self._path

    def between(self, first: int, end: int) -> list[str]:
        """The branch's blocks with these numbers, `end` not among them."""
        return [block_hash for block_hash, number in self._path.items() if first <= number < end]

    @property
    def lowest(self) -> int:
        return min(self._path.values(), default=0)


def _thinned(samples: Sequence[Sample], low: int, early: int) -> Iterator[Sample]:
    """As the rows are: everything from a block on, the first of each minute before it, nothing that is too old."""
    minute = -1
    for one in samples:
        if one.timestamp >= early and (one.number >= low or one.timestamp // 60 != minute):
            yield one
        minute = one.timestamp // 60


def prune(history: History, block: Block) -> None:
    """Called with every block, does something now and then: what was replaced goes once no reorg can bring it back,
    readings after a while, minutes stay for a day."""
    if block.number % PRUNED_EVERY:
        return
    rows = WatchedBlock.objects.filter(chain=history.chain)
    rows.filter(number__lt=block.number - READINGS).exclude(readings={}).update(readings={})
    low = block.number - KEPT_BLOCKS
    fading = rows.filter(number__lt=low, number__gte=low - PRUNED_EVERY)
    fading.exclude(hash__in=history.between(low - PRUNED_EVERY, low)).delete()
    rows.filter(number__lt=low).filter(Q(on_the_minute=False) | Q(timestamp__lt=block.timestamp - LONGEST)).delete()
