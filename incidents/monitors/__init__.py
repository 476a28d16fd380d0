"""Monitors: one file a kind. A kind says what to read at a block and judges the answers; it reads nothing itself.

All monitors of a chain are evaluated together: their reads go out in one batch, pinned to the block's hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from integrations.chain.reading import Block
from integrations.families import Config, Family, Member


@dataclass(frozen=True, slots=True)
class Read:
    """One eth_call."""

    to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Calm:
    """Nothing is wrong."""

    reading: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Breach:
    """Something is wrong: in words, with what was read, and since when by the chain's own clock where that is known."""

    title: str
    reading: dict[str, Any] = field(default_factory=dict)
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Blind:
    """It cannot be told: that is an alert too."""

    reason: str


Verdict = Calm | Breach | Blind
Answer = bytes | None  # None: the call reverted, or no endpoint could do it


class MonitorType(Member):
    """Base of every kind. `fault` names the devnet fault that proves it."""

    fault: ClassVar[str] = ""
    icon: ClassVar[str] = "target"
    Config: ClassVar[type[Config]] = Config

    @classmethod
    def key(cls, config: Any) -> str:
        """The alert's dedup key: what is wrong, not how it reads."""
        raise NotImplementedError

    @classmethod
    def reads(cls, config: Any) -> Sequence[Read]:
        raise NotImplementedError

    @classmethod
    def judge(cls, config: Any, answers: Sequence[Answer], block: Block) -> Verdict:
        raise NotImplementedError

    @classmethod
    def describe(cls, config: Any) -> str:
        """One line in plain words."""
        raise NotImplementedError

    @classmethod
    def inputs(cls, config: Any) -> dict[str, str]:
        """What a playbook that answers it can be told: input name → value."""
        raise NotImplementedError


MONITORS: Family[MonitorType] = Family("monitor", base=MonitorType)


def moment(timestamp: int) -> datetime:
    from datetime import UTC

    return datetime.fromtimestamp(timestamp, UTC)
