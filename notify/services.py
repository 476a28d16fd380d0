"""What rooms above call: `from notify.services import send, open_page`."""

from notify.messages.services import compose, send
from notify.pages.services import ack, ack_key, frozen_ladder, open_page, page_by_hand, resolve, resolve_about

__all__ = [
    "ack",
    "ack_key",
    "compose",
    "frozen_ladder",
    "open_page",
    "page_by_hand",
    "resolve",
    "resolve_about",
    "send",
]
