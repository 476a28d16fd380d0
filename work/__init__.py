"""One primitive for everything that must get done. Rooms use `from work import handler, enqueue, wake, Done, …`."""

from typing import TYPE_CHECKING, Any

from work.outcomes import Backoff, Done, Fail, LostLease, Outcome, Retry, Unknown, Wait
from work.registry import handler

if TYPE_CHECKING:
    from work.leases import Lease
    from work.services import cancel, enqueue, revive, wake

_HOMES = {"Lease": "leases", "cancel": "services", "enqueue": "services", "revive": "services", "wake": "services"}

__all__ = [
    "Backoff",
    "Done",
    "Fail",
    "Lease",
    "LostLease",
    "Outcome",
    "Retry",
    "Unknown",
    "Wait",
    "cancel",
    "enqueue",
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
