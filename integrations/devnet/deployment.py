"""What stands on the devnet and where: plain data, kept as JSON beside the chain, importable without Django."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from integrations.devnet.chain import CHAIN_ID


@dataclass(frozen=True, slots=True)
class SafeRef:
    """One of the demo's Safes as it was made; what it is now, only the chain knows."""

    slug: str
    label: str
    address: str
    version: str
    owners: tuple[str, ...]
    threshold: int
    singleton: str
    fallback_handler: str


@dataclass(frozen=True, slots=True)
class FeedRef:
    """A price feed."""

    name: str
    address: str
    heartbeat: int
    decimals: int


@dataclass(frozen=True, slots=True)
class MarketRef:
    """A market of the vault. Strike (feed decimals, decimal text) and expiry are zero for a perpetual."""

    index: int
    symbol: str
    kind: str
    feed: str
    strike: str
    expiry: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that the rooms above need to know of the devnet."""

    chain_id: int
    genesis: str
    safe_contracts: dict[str, dict[str, str]]
    """version -> role (singleton, singleton_l2, proxy_factory, multi_send, multi_send_call_only, …) -> address"""
    safes: tuple[SafeRef, ...]
    usd: str
    vault: str
    vault_implementation: str
    engine: str
    """the vault's module for matching, liquidation and settlement; runs by delegatecall"""
    timelock: str
    feeds: tuple[FeedRef, ...]
    markets: tuple[MarketRef, ...]
    traders: int
    executor: str
    references: tuple[FeedRef, ...] = ()
    """second sources, under the name of the feed that they stand beside"""

    def safe(self, slug: str) -> SafeRef:
        return next(safe for safe in self.safes if safe.slug == slug)

    @property
    def guardian_safe(self) -> str:
        return self.safe("guardian").address

    @property
    def council_safe(self) -> str:
        return self.safe("council").address

    @property
    def nested_safe(self) -> str:
        """The treasury Safe, which is one of the council's owners."""
        return self.safe("treasury").address

    @property
    def multisend_call_only(self) -> dict[str, str]:
        return {version: roles["multi_send_call_only"] for version, roles in self.safe_contracts.items()}

    @property
    def fallback_handlers(self) -> dict[str, str]:
        return {version: roles["fallback_handler"] for version, roles in self.safe_contracts.items()}

    def feed(self, name: str) -> FeedRef:
        return next(feed for feed in self.feeds if feed.name == name)

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def reference(self, name: str) -> FeedRef:
        return next(feed for feed in self.references if feed.name == name)

    @classmethod
    def from_json(cls, text: str) -> Self:
        raw: dict[str, Any] = json.loads(text)
        if raw.get("chain_id") != CHAIN_ID:
            raise ValueError(f"This deployment is of chain {raw.get('chain_id')}, not of the devnet ({CHAIN_ID}).")
        raw["safes"] = tuple(SafeRef(**{**item, "owners": tuple(item["owners"])}) for item in raw["safes"])
        raw["feeds"] = tuple(FeedRef(**item) for item in raw["feeds"])
        raw["references"] = tuple(FeedRef(**item) for item in raw.get("references", ()))
        raw["markets"] = tuple(MarketRef(**item) for item in raw["markets"])
        return cls(**raw)

    def save(self, state_dir: Path) -> None:
        path = deployment_path(state_dir)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(self.as_json())
        fresh.replace(path)

    @classmethod
    def load(cls, state_dir: Path | None = None) -> Self | None:
        """None where no devnet has been deployed."""
        path = deployment_path(state_dir or _state_dir())
        return cls.from_json(path.read_text()) if path.exists() else None


def deployment_path(state_dir: Path) -> Path:
    return state_dir / "devnet" / "deployment.json"


def _state_dir() -> Path:
    from django.conf import settings  # only where no folder was named

    return Path(settings.STATE_DIR)
