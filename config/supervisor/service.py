"""What the supervisor knows about one process."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from config.supervisor.probes import Probe


class Wave(IntEnum):
    """The order of stopping: what uses something ends before it."""

    APPLICATION = 0
    CHAIN = 1
    STORE = 2


@dataclass(frozen=True)
class Port:
    """A port to listen on, and the setting that moves it."""

    number: int
    setting: str


@dataclass(frozen=True)
class Service:
    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    ready: Probe | None = None  # None: as soon as it runs
    port: Port | None = None
    wave: Wave = Wave.APPLICATION
    stop: signal.Signals = signal.SIGTERM
    unprivileged: bool = False  # PostgreSQL refuses root
    once: bool = False  # a job: runs to its end before those that need it start
    vital: bool = True  # of a job: without it nothing can go on
    mark: Callable[[], str] | None = None  # of a job: what it was done for; the same again need not be done again


# Together well below the ten seconds within which everything must have stopped.
GRACE = {Wave.APPLICATION: 3.5, Wave.CHAIN: 3.0, Wave.STORE: 2.0}
