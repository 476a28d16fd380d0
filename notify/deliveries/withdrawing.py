"""Copies that nobody needs any more are not sent."""

from collections.abc import Iterable

from django.db import transaction

from ledger import transition
from notify.deliveries.lanes import unbundle
from notify.deliveries.models import Delivery
from notify.messages.services import settle


@transaction.atomic
def withdraw(*, messages: Iterable[int], actor: str, reason: str) -> int:
    """Take back what is still in the outbox. What a channel is being handed right now may arrive all the same."""
    queued = Delivery.objects.select_for_update(of=("self",)).select_related("message__scope")
    found = list(queued.filter(message_id__in=messages, status=Delivery.State.QUEUED).order_by("pk"))
    for delivery in found:
        transition(delivery, Delivery.State.WITHDRAWN, actor=actor, reason=reason)
        unbundle(delivery.carried.exclude(pk=delivery.pk))
    for message_id in sorted({delivery.message_id for delivery in found}):
        settle(message_id)
    return len(found)
