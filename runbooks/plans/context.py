"""What compiling may know of the world: loaded beforehand, so that compiling itself is pure and repeatable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
class PlanContext:
    """Registered contracts, Safes and audiences of one protocol, and the environment that is compiled for."""

    environment: str = "live"
    contracts: tuple[KnownContract, ...] = ()
    safes: tuple[KnownSafe, ...] = ()
    audiences: frozenset[str] = field(default_factory=frozenset)
    facts: Mapping[str, str] = field(default_factory=dict)  # e.g. {"incident": "Stale oracle: HLX/USD"}

    def contract(self, address: str) -> KnownContract | None:
        return next((item for item in self.contracts if item.address == address), None)

    def safe(self, address: str) -> KnownSafe | None:
        return next((item for item in self.safes if item.address == address), None)
