"""Ways to tell someone: one file each, registered in CHANNELS.

A channel turns an envelope into something delivered, or says why not. It knows nothing of audiences, retries or
limits; those belong to the room above. A transport error knows whether it is for good.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import SecretStr

from integrations.families import Family, Member


@dataclass(frozen=True)
class Envelope:
    """What is to be told. `token` is the same at every try, so that a receiver can recognise a repetition.

    Several messages that go out as one are its `parts`; subject and body then speak for all of them. `leave` is where a
    subscriber ends them, by a POST: mail programs show a button for it.
    """

    token: str
    subject: str
    body: str
    link: str = ""
    at: datetime | None = None
    parts: tuple["Envelope", ...] = ()
    leave: str = ""


class Undelivered(Exception):
    """It was not delivered. The text is for operators, never for clients, and holds no secret.

    `permanent`: trying again cannot help. `closed`: nor can another message, the destination itself is at fault.
    `after`: the receiver asks for so long a pause.
    """

    def __init__(
        self, reason: str, *, permanent: bool, closed: bool | None = None, after: timedelta | None = None
    ) -> None:
        super().__init__(reason)
        self.reason, self.permanent, self.after = reason, permanent, after
        self.closed = permanent if closed is None else closed


class Channel(Member):
    """One way to tell someone."""

    icon: ClassVar[str] = "message"
    pause: ClassVar[float] = 1.0
    """Seconds between two sendings to one destination: what its vendor takes, or what a person can read."""
    burst: ClassVar[int] = 3
    """So many go out at once before the pause counts; whatever waits then goes out as one."""
    bundle: ClassVar[int] = 20
    """Most messages that one sending can tell."""
    patience: ClassVar[timedelta] = timedelta(hours=6)
    """How long a copy is tried before it counts as failed."""
    knows_repeats: ClassVar[bool] = False
    """Its receivers take what comes twice with one token for one."""
    leads: ClassVar[tuple[str, ...]] = ()
    """Fields that say where the secrets of a config go: whoever changes one enters the secrets anew."""

    @classmethod
    def address(cls, config: Any) -> str:
        """Whom this reaches, as may be shown: no secrets, and not the same for two destinations."""
        raise NotImplementedError

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        """Deliver, and return the receiver's reference; raise Undelivered otherwise. Bounded in time."""
        raise NotImplementedError

    @classmethod
    def summary(cls) -> str:
        """What it is for, in a line."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def rotated(cls, config: Any) -> Any:
        """The config with a new key beside the old one; None for a channel that signs nothing."""
        return None

    @classmethod
    def settled(cls, config: Any) -> Any:
        """The config without the old key; None where there is none."""
        return None

    @classmethod
    def secret_names(cls) -> list[str]:
        return [name for name, info in cls.Config.model_fields.items() if "SecretStr" in str(info.annotation)]


CHANNELS: Family[Channel] = Family("channel", Channel)
CUT = "… (cut)"
BETWEEN = "\n\n· · ·\n\n"


def written(envelope: Envelope, limit: int, measure: Callable[[str], int] = len, *, subject: bool = True) -> str:
    """Subject, body and link as plain text within a channel's limit: the body gives way, and says that it did."""
    head = f"{envelope.subject}\n\n" if subject else ""
    tail = f"\n\n{envelope.link}" if envelope.link else ""
    whole = f"{head}{body_of(envelope, limit - measure(head + tail), measure)}{tail}"
    return whole if measure(whole) <= limit else cut(whole, limit, measure)


def body_of(envelope: Envelope, limit: int, measure: Callable[[str], int] = len) -> str:
    """The body within a limit. Of several messages each keeps its subject and its link; their bodies give way."""
    if not envelope.parts or measure(envelope.body) <= limit:
        return cut(envelope.body, limit, measure)
    share = limit // len(envelope.parts) - measure(BETWEEN)
    return BETWEEN.join(written(part, share, measure) for part in envelope.parts)


def cut(text: str, limit: int, measure: Callable[[str], int] = len) -> str:
    """The longest beginning that fits with the mark that something is missing."""
    if measure(text) <= limit:
        return text
    low, high = 0, min(len(text), max(limit, 0))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle] + CUT) <= limit else (low, middle - 1)
    return text[:low].rstrip() + CUT


def secrets_in(config: Any) -> list[str]:
    """The values that must not be seen in anything that is said of a config; of an address also its long parts."""
    held = (getattr(config, name) for name in type(config).model_fields)
    values = [found for value in held if isinstance(value, SecretStr) and (found := value.get_secret_value())]
    parts = [part for value in values if "://" in value for part in re.split(r"[/?&=:@]", value) if len(part) >= 16]
    return values + parts
