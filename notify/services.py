"""What rooms above call: `from notify.services import send`."""

from notify.messages.services import compose, send

__all__ = ["compose", "send"]
