"""What a file of the corpus says: a transaction, what it takes, and which finding catches it."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from integrations.safe.hashes import CALL

if TYPE_CHECKING:
    from tests.hostile.stage import Stage


@dataclass(frozen=True)
class Draft:
    """The raw fields of a Safe transaction, and what is unusual around it."""

    to: str
    data: bytes = b""
    value: int = 0
    operation: int = CALL
    safe: str = "treasury"  # a Safe of the stage
    nonce: int | None = None
    gas: dict[str, Any] = field(default_factory=dict)
    environment: str = ""  # with one, it belongs to a plan of that environment
    plan_calls: list[dict[str, str]] | None = None  # what that plan really says, where it says something else
    chain_kind: str = "devnet"


Prepare = Callable[["Stage"], Draft]


def nothing(stage: "Stage") -> None:
    """The transaction alone does it."""


@dataclass(frozen=True)
class Hostile:
    """`shape`: how it is put; `cause`: what gives the money away; no two cases share both. `takes`: a judge's name."""

    shape: str
    cause: str
    caught: str
    takes: str
    tx: Prepare
    before: Callable[["Stage"], None] = nothing  # how the world came to be vulnerable
    then: Callable[["Stage"], None] = nothing  # what the thief does afterwards, alone
    incident: str = ""


@dataclass(frozen=True)
class Honest:
    what: str
    tx: Prepare
    before: Callable[["Stage"], None] = nothing


def cases(package: str) -> dict[str, Any]:
    """Every file of a folder, by its name."""
    found = importlib.import_module(package)
    names = sorted(info.name for info in pkgutil.iter_modules(found.__path__))
    return {name: importlib.import_module(f"{package}.{name}").CASE for name in names}
