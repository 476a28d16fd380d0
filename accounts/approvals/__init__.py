"""Approvals: `from accounts.approvals import request_approval, give, refuse, is_satisfied`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accounts.approvals.selectors import is_satisfied, waiting_for
    from accounts.approvals.services import give, refuse, request_approval, take_back, withdraw

_HOMES = {
    "give": "services",
    "is_satisfied": "selectors",
    "refuse": "services",
    "request_approval": "services",
    "take_back": "services",
    "waiting_for": "selectors",
    "withdraw": "services",
}

__all__ = ["give", "is_satisfied", "refuse", "request_approval", "take_back", "waiting_for", "withdraw"]


def __getattr__(name: str) -> Any:
    """Looked up late: this package's models load before Django's registry is ready."""
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"accounts.approvals.{_HOMES[name]}"), name)
