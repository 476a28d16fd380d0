"""Scopes and events. Rooms above use `from ledger import record, transition, subscribe, alarm`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.errors import Invalid, Refused, StaleTransition
    from ledger.services import Alarm, alarm, record
    from ledger.subscriptions import subscribe
    from ledger.transitions import Status, transition

_HOMES = {
    "Alarm": "services",
    "Invalid": "errors",
    "Refused": "errors",
    "StaleTransition": "errors",
    "Status": "transitions",
    "alarm": "services",
    "record": "services",
    "subscribe": "subscriptions",
    "transition": "transitions",
}

__all__ = ["Alarm", "Invalid", "Refused", "StaleTransition", "Status", "alarm", "record", "subscribe", "transition"]


def __getattr__(name: str) -> Any:
    """Looked up late: models cannot be imported before Django's registry is ready."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"ledger.{_HOMES[name]}"), name)
