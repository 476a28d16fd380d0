"""The API's ground: who calls, what may be called, how errors look. `API` lists this room's resources."""

from typing import Any


def __getattr__(name: str) -> Any:
    """Looked up late: the views need models, and `accounts.api.models` is loaded while there are none yet."""
    if name != "API":
        raise AttributeError(name)
    from accounts.approvals.api import ApprovalViewSet

    return [("approvals", ApprovalViewSet, "approval")]
