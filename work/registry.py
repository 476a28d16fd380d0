"""Which function does which kind of work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from work.outcomes import Backoff, Outcome

if TYPE_CHECKING:
    from work.leases import Lease
    from work.models import Work

Handle = Callable[["Lease"], Outcome]
Together = Callable[[Sequence["Lease"]], None]
OnEnd = Callable[["Work", Outcome], None]


@dataclass(frozen=True)
class Handler:
    kind: str
    run: Handle
    lease: float
    longest: float
    max_failures: int
    backoff: Backoff
    queue: str
    on_end: OnEnd | None
    crowd: bool
    together: Together | None
    gathered: bool


URGENT, DEFAULT = "urgent", "default"
"""Queues of hints, in the order in which workers look into them (CELERY_TASK_QUEUES)."""
HANDLERS: dict[str, Handler] = {}
PATIENT = Backoff()


def queue_of(kind: str) -> str:
    return HANDLERS[kind].queue if kind in HANDLERS else DEFAULT


def is_gathered(kind: str) -> bool:
    return kind in HANDLERS and HANDLERS[kind].gathered


def handler(
    kind: str,
    *,
    lease: float = 3,
    longest: float = 120,
    max_attempts: int = 8,
    backoff: Backoff = PATIENT,
    queue: str = DEFAULT,
    on_end: OnEnd | None = None,
    crowd: bool = False,
    together: Together | None = None,
    gathered: bool = False,
) -> Callable[[Handle], Handle]:
    """Register what does work of a kind. The lease is kept alive while it runs, but for `longest` seconds at most.

    `crowd`: it comes by the thousand. Few of its rows are hinted; a worker that did one goes on with those that are
    not, a short while at a time: a crowd neither fills the broker's queue nor keeps other work waiting behind it.
    `together` takes several of a crowd's turns at once, and ends those that it can by `commit_all`; each of the others
    is a turn of its own after that. `gathered`: it waits for nobody outside, and what becomes due within a moment is
    done by whoever comes for the first of it: the others are not hinted one by one.
    """

    def register(run: Handle) -> Handle:
        if kind in HANDLERS:
            raise RuntimeError(f"two handlers do {kind}")
        HANDLERS[kind] = Handler(
            kind, run, lease, longest, max_attempts, backoff, queue, on_end, crowd, together, gathered
        )
        return run

    return register
