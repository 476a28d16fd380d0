"""One primitive for everything that must get done. Rooms use `from work import handler, enqueue, wake, Done, …`."""

from typing import TYPE_CHECKING, Any

from work.outcomes import Backoff, Done, Fail, LostLease, Outcome, Retry, Unknown, Wait
from work.registry import URGENT, handler

if TYPE_CHECKING:
    from work.leases import Lease, commit_all
    from work.services import Item, cancel, end, enqueue, enqueue_many, revive, wake

_HOMES = {
    **dict.fromkeys(("Lease", "commit_all"), "leases"),
    **dict.fromkeys(("Item", "cancel", "end", "enqueue", "enqueue_many", "revive", "wake"), "services"),
}

__all__ = [
    "URGENT",
    "Backoff",
    "Done",
    "Fail",
    "Item",
    "Lease",
    "LostLease",
    "Outcome",
    "Retry",
    "Unknown",
    "Wait",
    "cancel",
    "commit_all",
    "end",
    "enqueue",
    "enqueue_many",
    "handler",
    "revive",
    "wake",
]


def __getattr__(name: str) -> Any:
    """Looked up late: models cannot be imported before Django's registry is ready."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"work.{_HOMES[name]}"), name)
