"""Alert formats of other systems: one file each. A format reads a payload into alerts; storing them is not its work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.families import Family, Member


@dataclass(frozen=True, slots=True)
class Incoming:
    """One alert of a payload. `severity` is empty where the sender names none."""

    key: str
    title: str
    severity: str = ""
    firing: bool = True
    failure_mode: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


class InboundFormat(Member):
    """Base of every format."""

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        """The alerts of a payload; ledger.errors.Invalid names the field that does not fit."""
        raise NotImplementedError


INBOUND: Family[InboundFormat] = Family("inbound", base=InboundFormat, packages=("integrations.inbound",))
