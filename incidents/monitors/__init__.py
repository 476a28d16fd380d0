"""Monitors: one file a kind. A kind says what to read and judges the answers; it reads nothing itself.

All monitors of a chain are evaluated together: their reads go out in one exchange, pinned to the block's hash. What is
not of a block (how the endpoints do, whether a page is there) is looked at with every block and between blocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from incidents.watch.asking import (
    At,
    Branches,
    Endpoints,
    Flights,
    Logs,
    Page,
    Past,
    PinnedRead,
    Read,
    Slot,
    SurroundingRead,
    Tagged,
)
from integrations.families import Config, Family, Member

__all__ = [
    "MONITORS",
    "Answer",
    "At",
    "Blind",
    "Branches",
    "Breach",
    "Calm",
    "Endpoints",
    "Flights",
    "Logs",
    "MonitorType",
    "Page",
    "Past",
    "Read",
    "Slot",
    "Tagged",
    "Verdict",
    "moment",
]


@dataclass(frozen=True, slots=True)
class Calm:
    """Nothing is wrong. `keep` is what this monitor will want to know at later blocks."""

    reading: dict[str, Any] = field(default_factory=dict)
    keep: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Breach:
    """Something is wrong: in words, with what was read, and since when by the chain's own clock where that is known."""

    title: str
    reading: dict[str, Any] = field(default_factory=dict)
    since: int | None = None
    keep: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blind:
    """It cannot be told: that is an alert too."""

    reason: str


Verdict = Calm | Breach | Blind
Answer = Any
"""As the read says: bytes of an eth_call, a list of logs, …; None where there is none."""


class MonitorType(Member):
    """Base of every kind. `fault` names the devnet fault that proves it.

    `now`: it looks at how things stand, not at a block; it is judged between blocks too, and no past can be tried.
    `figure`: the reading that is drawn as a line. `severity`: what it usually is.
    """

    fault: ClassVar[str] = ""
    icon: ClassVar[str] = "target"
    severity: ClassVar[str] = "SEV2"
    now: ClassVar[bool] = False
    figure: ClassVar[str] = ""
    Config: ClassVar[type[Config]] = Config

    @classmethod
    def key(cls, config: Any) -> str:
        """The alert's dedup key: what is wrong, not how it reads. The chain's id is put behind it."""
        raise NotImplementedError

    @classmethod
    def reads(cls, config: Any) -> Sequence[PinnedRead] | Sequence[SurroundingRead]:
        raise NotImplementedError

    @classmethod
    def window(cls, config: Any) -> int:
        """How many seconds of what it kept it wants to see again."""
        return 0

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], at: At) -> Verdict:
        raise NotImplementedError

    @classmethod
    def fill(cls, config: Any, answers: Sequence[Answer]) -> dict[str, Any]:
        """What was left empty, as it is now: "as it was when the monitor was made" is what it watches over."""
        return {}

    @classmethod
    def describe(cls, config: Any) -> str:
        """One line in plain words."""
        raise NotImplementedError

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        """What a playbook that answers it can be told: input name → value."""
        return {}


MONITORS: Family[MonitorType] = Family("monitor", base=MonitorType)


def moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
