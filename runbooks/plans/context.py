"""What compiling may know of the world: loaded beforehand, so that compiling itself is pure and repeatable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runbooks.playbooks.schema import Playbook


@dataclass(frozen=True, slots=True)
class KnownContract:
    chain_id: int
    address: str
    name: str
    role: str = ""
    abi: tuple[Mapping[str, Any], ...] = ()

    def record(self) -> dict[str, Any]:
        return {
            "chain_id": self.chain_id,
            "address": self.address,
            "name": self.name,
            "role": self.role,
            "text": f"{self.name} ({self.address})",
        }


@dataclass(frozen=True, slots=True)
class KnownSafe:
    chain_id: int
    address: str
    label: str

    def record(self) -> dict[str, Any]:
        return {
            "chain_id": self.chain_id,
            "address": self.address,
            "name": self.label,
            "text": f"{self.label} ({self.address})",
        }


@dataclass(frozen=True, slots=True)
class KnownExecutor:
    chain_id: int
    label: str
    address: str


@dataclass(frozen=True, slots=True)
class KnownPlaybook:
    """A version of a playbook that another one uses."""

    slug: str
    version: int
    sha256: str
    document: "Playbook"


@dataclass(frozen=True, slots=True)
class PlanContext:
    """Registered contracts, Safes and audiences of one protocol, and the environment that is compiled for."""

    environment: str = "live"
    contracts: tuple[KnownContract, ...] = ()
    safes: tuple[KnownSafe, ...] = ()
    executors: tuple[KnownExecutor, ...] = ()
    audiences: frozenset[str] = field(default_factory=frozenset)
    facts: Mapping[str, str] = field(default_factory=dict)  # e.g. {"incident": "Stale oracle: HLX/USD"}
    secrets: Mapping[str, tuple[str, ...]] | None = None  # names and hosts; None: whatever is named is taken
    playbooks: Mapping[str, KnownPlaybook] = field(default_factory=dict)  # by `slug` (the newest) and `slug@version`

    def contract(self, address: str) -> KnownContract | None:
        return next((item for item in self.contracts if item.address == address), None)

    def safe(self, address: str) -> KnownSafe | None:
        return next((item for item in self.safes if item.address == address), None)

    def executor(self, chain_id: int, label: str) -> KnownExecutor | None:
        return next((item for item in self.executors if (item.chain_id, item.label) == (chain_id, label)), None)

    def playbook(self, slug: str, version: int | None) -> KnownPlaybook:
        found = self.playbooks.get(slug if version is None else f"{slug}@{version}")
        if found is None:
            what = slug if version is None else f"{slug}, version {version}"
            raise ValueError(f"no playbook {what} is stored")
        return found
