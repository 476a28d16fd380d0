"""Ways to tell someone: one file each, registered in CHANNELS.

A channel turns an envelope into something delivered, or says why not. It knows nothing of audiences, retries or
limits; those belong to the room above. A transport error knows whether it is for good.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from integrations.families import Family, Member


@dataclass(frozen=True)
class Envelope:
    """What is to be told. `token` is the same at every try, so that a receiver can recognise a repetition."""

    token: str
    subject: str
    body: str
    link: str = ""


class Undelivered(Exception):
    """It was not delivered. `permanent`: trying again cannot help. The text is for operators, never for clients."""

    def __init__(self, reason: str, *, permanent: bool, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason, self.permanent, self.after = reason, permanent, after


class Channel(Member):
    """One way to tell someone."""

    icon: ClassVar[str] = "message"

    @classmethod
    def address(cls, config: Any) -> str:
        """Whom this reaches, as may be shown: no secrets."""
        raise NotImplementedError

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        """Deliver, and return the receiver's reference; raise Undelivered otherwise. Bounded in time."""
        raise NotImplementedError


CHANNELS: Family[Channel] = Family("channel", Channel)
