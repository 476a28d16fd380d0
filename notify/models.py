"""Audiences, messages, deliveries; each noun has its own folder."""

from notify.audiences.models import Audience, Destination
from notify.deliveries.models import Delivery, Lane
from notify.messages.models import Message
from notify.promises.models import Promise
from notify.subscribers.models import Subscriber

__all__ = ["Audience", "Delivery", "Destination", "Lane", "Message", "Promise", "Subscriber"]
