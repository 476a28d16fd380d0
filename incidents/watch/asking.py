"""What a monitor may ask, and what it gets to judge by. Plain values: whoever evaluates does the reading."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.chain.reading import Block


@dataclass(frozen=True, slots=True)
class Read:
    """One eth_call. Its answer is bytes, or None where it reverted or nobody could do it."""

    to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Slot:
    """One word of a contract's storage: 32 bytes, or None."""

    address: str
    slot: int


@dataclass(frozen=True, slots=True)
class Logs:
    """A contract's events since the last block that was looked at: a list of logs, or None.

    `topics` as in eth_getLogs: one entry a place, None for any, a tuple for any of several.
    """

    address: str
    topics: tuple[str | tuple[str, ...] | None, ...] = ()


PinnedRead = Read | Slot | Logs


@dataclass(frozen=True, slots=True)
class Tagged:
    """The block that the endpoints call `safe` or `finalized`: a Block, or None."""

    tag: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """How the chain's endpoints do, side by side: a list of Glance, or None."""


@dataclass(frozen=True, slots=True)
class Page:
    """An address outside: a PageSeen."""

    url: str
    timeout: int
    contains: str = ""


@dataclass(frozen=True, slots=True)
class Flights:
    """Our own transactions on this chain that are not mined: a list of Flight."""


@dataclass(frozen=True, slots=True)
class Branches:
    """Blocks we looked at and that were replaced later, the newest `blocks` deep: a list of Branch."""

    blocks: int


SurroundingRead = Tagged | Endpoints | Page | Flights | Branches


@dataclass(frozen=True, slots=True)
class PageSeen:
    """What came of asking for a page. `problem` is empty when it is there."""

    status: int
    took_ms: int
    problem: str


@dataclass(frozen=True, slots=True)
class Flight:
    """A transaction of ours under way. `blocks`: for how many it has waited to be mined."""

    pk: int
    about: str
    blocks: int


@dataclass(frozen=True, slots=True)
class Branch:
    """Blocks that were replaced: the lowest one, and how many."""

    lowest: int
    depth: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What a monitor kept at a block."""

    number: int
    timestamp: int
    values: Mapping[str, Any]


class Past:
    """What one monitor kept at the blocks below this one, oldest first; nothing of blocks that were replaced."""

    __slots__ = ("_times", "samples")

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self.samples = list(samples)
        self._times = [one.timestamp for one in self.samples]

    def add(self, sample: Sample) -> None:
        self.samples.append(sample)
        self._times.append(sample.timestamp)

    @property
    def last(self) -> Sample | None:
        return self.samples[-1] if self.samples else None

    def at(self, timestamp: int) -> Sample | None:
        """The newest at or before this time; where the past does not reach so far, the oldest there is."""
        if not self.samples:
            return None
        return self.samples[max(0, bisect_right(self._times, timestamp) - 1)]

    def since(self, timestamp: int) -> Sequence[Sample]:
        """What was kept after this time, and the one in force at it."""
        return self.samples[max(0, bisect_right(self._times, timestamp) - 1) :]


@dataclass(frozen=True, slots=True)
class At:
    """Where and when a monitor judges. The block has the chain's clock, all else the wall's: when the block was seen,
    and since when somebody has watched without a break."""

    block: Block
    now: float
    seen_at: float
    since: float = 0.0
    past: Past = field(default_factory=Past)


def words(raw: bytes | None, count: int) -> list[int] | None:
    """The first words of a call's answer as unsigned numbers; None when it is too short to be that."""
    if raw is None or len(raw) < 32 * count:
        return None
    return [int.from_bytes(raw[at : at + 32]) for at in range(0, 32 * count, 32)]


def signed(word: int) -> int:
    """A word read as int256."""
    return word - (1 << 256) if word >> 255 else word
