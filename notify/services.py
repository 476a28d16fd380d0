"""What rooms above call: `from notify.services import send, open_page`."""

from notify.messages.services import compose, send
from notify.pages.services import ack, ack_about, frozen_ladder, open_page, resolve, resolve_about

__all__ = ["ack", "ack_about", "compose", "frozen_ladder", "open_page", "resolve", "resolve_about", "send"]
