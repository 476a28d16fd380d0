"""One try at one delivery."""

import logging

from django.db import transaction
from django.utils import timezone

from integrations.channels import CHANNELS, Envelope, Undelivered
from integrations.sealing import unseal
from ledger import transition
from notify.audiences.models import Destination
from notify.audiences.services import set_enabled
from notify.deliveries.models import Delivery
from notify.messages.services import settle
from work import Done, Fail, Lease, Outcome, Retry, faults

logger = logging.getLogger(__name__)
ACTOR = "system:notify"


def attempt(lease: Lease) -> Outcome:
    """Hand the copy to its channel, outside any transaction; then write down how it went, under our fence."""
    delivery = Delivery.objects.select_related("message", "destination").get(pk=lease.work.payload["delivery"])
    if delivery.status != Delivery.State.QUEUED:
        return Done({"already": delivery.status})
    channel = CHANNELS[delivery.channel]
    config = channel.Config.model_validate_json(unseal(delivery.sealed, "destination"))
    message = delivery.message
    envelope = Envelope(
        token=f"breakglass-delivery-{delivery.pk}", subject=message.subject_line, body=message.body, link=message.link
    )
    lease.check()
    try:
        reference = channel.send(config, envelope)
    except Undelivered as error:
        return _undelivered(lease, delivery, error)
    faults.point("delivery.accepted")
    outcome = Done({"reference": reference})
    with lease.commit(outcome):
        also = {"reference": reference[:200], "sent_at": timezone.now(), "error": ""}
        transition(delivery, Delivery.State.SENT, actor=ACTOR, also=also, after={"channel": delivery.channel})
        settle(delivery.message_id)
    return outcome


def _undelivered(lease: Lease, delivery: Delivery, error: Undelivered) -> Outcome:
    logger.warning("%s was not delivered: %s", delivery, error.reason)
    if not error.permanent:
        with lease.commit():
            Delivery.objects.filter(pk=delivery.pk).update(error=error.reason[:300])
        return Retry(error.reason, error.after)
    outcome = Fail(error.reason)
    with lease.commit(outcome):
        if delivery.destination:
            _disable(delivery.destination, error.reason)
    return outcome


def _disable(destination: Destination, reason: str) -> None:
    """A destination that refuses for good would refuse the next message too; say so before it matters."""
    set_enabled(destination=destination, enabled=False, actor=ACTOR, reason=reason)


@transaction.atomic
def gave_up(delivery_id: int, error: str) -> None:
    """The work row failed for good: so did the copy."""
    delivery = Delivery.objects.select_related("message").get(pk=delivery_id)
    if delivery.status == Delivery.State.QUEUED:
        also = {"error": error[:300]}
        transition(delivery, Delivery.State.FAILED, actor=ACTOR, reason=error[:300], also=also)
        settle(delivery.message_id)
