"""What rooms above call: `from notify.services import send, open_page`."""

from notify.messages.services import compose, send
from notify.messages.together import Words, send_all
from notify.pages.services import (
    Asked,
    ack,
    ack_key,
    frozen_ladder,
    make_room,
    open_all,
    open_asked,
    open_page,
    page_by_hand,
    resolve,
    resolve_about,
)

__all__ = [
    "Asked",
    "Words",
    "ack",
    "ack_key",
    "compose",
    "frozen_ladder",
    "make_room",
    "open_all",
    "open_asked",
    "open_page",
    "page_by_hand",
    "resolve",
    "resolve_about",
    "send",
    "send_all",
]
