"""Which faults are on: a small file beside the chain, written by whoever breaks the devnet, read by the keeper."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Effect:
    """What the keeper does differently while a fault is on. Feeds by name."""

    stopped_feeds: tuple[str, ...] = ()
    price_percent: dict[str, int] = field(default_factory=dict)
    """how far the price is moved: -30 for a fall by 30 %"""
    halted: bool = False
    """no blocks"""
    interface_down: bool = False
    """Helix's page answers with an error"""


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault that is on, with what it was told."""

    name: str
    config: dict[str, Any]
    effect: Effect


class FaultBoard:
    """`reload` sees what another process has put there."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "devnet" / "faults.json"
        self.active: dict[str, ActiveFault] = {}
        self.reload()

    def reload(self) -> None:
        raw = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.active = {
            name: ActiveFault(
                name,
                item["config"],
                Effect(
                    stopped_feeds=tuple(item["effect"]["stopped_feeds"]),
                    price_percent=item["effect"]["price_percent"],
                    halted=item["effect"]["halted"],
                    interface_down=item["effect"].get("interface_down", False),
                ),
            )
            for name, item in raw.items()
        }

    def put(self, fault: ActiveFault) -> None:
        with self._changing():
            self.active[fault.name] = fault

    def remove(self, name: str) -> bool:
        """Whether it was on."""
        with self._changing():
            return self.active.pop(name, None) is not None

    def feed_is_stopped(self, feed: str) -> bool:
        return any(feed in fault.effect.stopped_feeds for fault in self.active.values())

    def price_percent(self, feed: str) -> int:
        return sum(fault.effect.price_percent.get(feed, 0) for fault in self.active.values())

    @property
    def halted(self) -> bool:
        return any(fault.effect.halted for fault in self.active.values())

    @property
    def interface_down(self) -> bool:
        return any(fault.effect.interface_down for fault in self.active.values())

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.reload()
            yield
            written = {
                name: {"config": fault.config, "effect": asdict(fault.effect)} for name, fault in self.active.items()
            }
            fresh = self.path.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
            fresh.replace(self.path)
