"""Audiences, messages, deliveries, rotations, ladders, pages; each noun has its own folder."""

from notify.audiences.models import Audience, Destination
from notify.deliveries.models import Delivery, Lane
from notify.ladders.models import Ladder
from notify.messages.models import Message
from notify.pages.models import Notice, Page
from notify.promises.models import Promise
from notify.rotations.models import Override, Rotation
from notify.subscribers.models import Subscriber

__all__ = [
    "Audience",
    "Delivery",
    "Destination",
    "Ladder",
    "Lane",
    "Message",
    "Notice",
    "Override",
    "Page",
    "Promise",
    "Rotation",
    "Subscriber",
]
