"""Verbs on a person's own ways. What each channel takes is checked as for any destination."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.shielding import shielded
from ledger import Refused, alarm, record
from notify.audiences.models import Destination
from notify.audiences.services import add_destination
from notify.deliveries.models import Delivery
from notify.deliveries.testing import send_test
from notify.messages.models import TEST, Message

MOST = 10  # whoever is paged is told by all of them at once


@transaction.atomic
def add_way(*, user: User, channel: str, config: Mapping[str, Any], label: str, pause: int | None) -> Destination:
    User.objects.select_for_update().get(pk=user.pk)  # of two at once the second counts the first
    if user.destinations.count() >= MOST:
        raise Refused(f"You have {MOST} ways already.", "remove one first", "too-many-ways")
    return add_destination(channel=channel, config=config, user=user, label=label, pause=pause, actor=user.actor)


@transaction.atomic
def try_way(*, way: Destination, actor: str) -> Message:
    """One test at a time: an address is not to be flooded by a button."""
    held = Destination.objects.select_for_update().get(pk=way.pk)
    queued = Delivery.objects.filter(destination=held, message__template=TEST, status=Delivery.State.QUEUED)
    if queued.exists():
        raise Refused("A test is on its way there already.", "wait until it has arrived or failed", "test-under-way")
    return send_test(destination=held, actor=actor)


@transaction.atomic
def remove_way(*, way: Destination, actor: str) -> None:
    """What it was told is gone with it; the copies that went there stay in the record. One that was switched off by
    its receiver's refusal takes its alarm along."""
    held = Destination.objects.select_for_update().get(pk=way.pk)
    after = {"channel": held.channel, "to": shielded(str(held.address()))}
    gone = alarm(held.subject, "SEV3", cleared=True)
    record("destination.removed", actor=actor, subject=held.subject, after=after, alarm=gone)
    held.delete()
