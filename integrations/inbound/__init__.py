"""Alert formats of other systems: one file each. A format reads a payload into alerts and knows its sender's signature;
storing them is not its work."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from integrations.families import Family, Member

LONGEST_KEY = 150


class Action(StrEnum):
    """What the sender says of an alert."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One alert of a payload. `key` says what kind of name it is (`typed`); `severity` is empty where none is named."""

    key: str
    title: str
    action: Action = Action.TRIGGER
    severity: str = ""
    failure_mode: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in: the bytes that a signature covers, the headers (in lower case), and when."""

    raw: bytes
    headers: Mapping[str, str]
    at: datetime


class Unproved(Exception):
    """The sender's signature is missing, wrong or too old. Its words are for the sender."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def typed(kind: str, value: str) -> str:
    """The dedup key: `fingerprint:c6eadffa33fcdf37`. One too long for a column ends in its hash: two that begin alike
    stay two."""
    key = f"{kind}:{value}"
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[: LONGEST_KEY - 33]}~{hashlib.sha256(key.encode()).hexdigest()[:32]}"


class InboundFormat(Member):
    """Base of every format. `accepted`: the status that its sender takes for delivered. `withheld`: what of a body is
    never kept."""

    accepted: ClassVar[int] = 202
    withheld: ClassVar[tuple[str, ...]] = ()
    any_body: ClassVar[bool] = False
    """Whether that it was called says enough, whatever the body."""
    told: ClassVar[str] = ""
    """How this sender tells the end of an alert, for people; empty: never, and somebody clears it by hand."""

    @classmethod
    def prove(cls, config: Any, call: Call) -> str:
        """The signature that came with it, which will count this once; Unproved where the config has a secret and it is
        missing, wrong or old. Empty: this sender signs nothing, and the key in the address is all there is."""
        return ""

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        """The alerts of a payload; ledger.errors.Invalid names the field that does not fit."""
        raise NotImplementedError

    @classmethod
    def answer(cls, body: Any) -> Mapping[str, Any] | None:
        """What this sender expects to be answered; None: what we answer everybody."""
        return None

    @classmethod
    def silence(cls, config: Any) -> timedelta | None:
        """How long this sender may say nothing before that is an alert itself; None: as long as it likes."""
        return None


INBOUND: Family[InboundFormat] = Family("inbound", base=InboundFormat, packages=("integrations.inbound",))
