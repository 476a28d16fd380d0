"""One try at what is to go to one address, and what follows from its outcome."""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.channels import Undelivered
from ledger import StaleTransition, transition
from notify.audiences.models import opened
from notify.audiences.services import switch_off
from notify.deliveries.bundles import envelope_of
from notify.deliveries.lanes import KIND, Load, channel_of, clear_up, left_behind, release, take, turns_from, unbundle
from notify.deliveries.models import Delivery
from notify.deliveries.withdrawing import let_go, unneeded
from notify.messages.models import TEST
from notify.messages.services import settle
from work import Done, Fail, Lease, Outcome, Retry, Wait, end, faults

logger = logging.getLogger(__name__)
ACTOR = "system:notify"
LONGEST_PAUSE = timedelta(hours=48)
TRYING = timedelta(minutes=5)  # what a try itself may take: who asks for all of our patience is given it


def attempt(lease: Lease) -> Outcome:
    """Hand what waits to its channel, outside any transaction; then write down how it went, under our fence."""
    load = take(lease, channel_of(str(lease.work.payload.get("channel", ""))))
    if load is None:
        return _not_now(lease)
    if gone := unneeded(load.copies):
        return _without(lease, load, gone)
    try:
        reference = handed_over(load)
    except Undelivered as error:
        return undelivered(lease, load, error)
    outcome = Done({"reference": reference, "copies": load.keys})
    with lease.commit(outcome):
        crowded = release(load)
        carrier = load.first if load.others else None
        write(load.copies, Delivery.State.SENT, reference=reference, crowded=crowded, carrier=carrier)
        _end_with(load, outcome)
    return outcome


def handed_over(load: Load) -> str:
    """The receiver's reference; Undelivered if it has not taken it."""
    config = opened(load.first.channel, _sealed(load.first))
    _must_go(load)
    reference = load.channel.send(config, envelope_of(load.copies))
    faults.point("delivery.accepted")
    return reference


def _sealed(copy: Delivery) -> str:
    """What is set today: a key that was changed, or an address put right, counts for what waits in the outbox too."""
    sealed = copy.destination.sealed if copy.destination else copy.sealed
    if not sealed:
        raise Undelivered("its destination was removed", permanent=True)
    return sealed


def _without(lease: Lease, load: Load, gone: Sequence[Delivery]) -> Outcome:
    """Some of it is needed no more, such as a page's copy that somebody has acknowledged; the rest goes without it."""
    over = Done({"withdrawn": True})
    outcome: Outcome = over if load.first in gone else Wait(timezone.now(), "goes without what is needed no more")
    with lease.commit(outcome):
        release(load)
        let_go(gone, actor=ACTOR, reason="nobody is needed any more")
        unbundle(copy for copy in load.others if copy not in gone)
        end(KIND, keys=[copy.work_key for copy in load.others if copy in gone], outcome=over)
    return outcome


def _must_go(load: Load) -> None:
    """Nothing is sent where it was switched off since, but for a test."""
    destination = load.first.destination
    if destination and not destination.enabled and load.first.message.template != TEST:
        because = destination.disabled_because or "no reason was given"
        raise Undelivered(f"its destination is switched off: {because}"[:240], permanent=True)


def _not_now(lease: Lease) -> Outcome:
    """Over, on its way with another one, or its lane is taken: none of these is a failure."""
    delivery = Delivery.objects.get(pk=lease.work.payload["delivery"])
    if delivery.status != Delivery.State.QUEUED:
        clear_up(delivery)
    elif delivery.carried_by and delivery.pk in left_behind(delivery.carried_by):
        return Wait(timezone.now(), "goes by itself: what it was to go with is over")
    if delivery.status == Delivery.State.FAILED:
        return Fail(delivery.error)
    if delivery.status != Delivery.State.QUEUED:
        return Done({"already": delivery.status})
    reason = "goes out with another message" if delivery.carried_by else "its address is being written to"
    return Wait(turns_from([delivery.pk]).get(delivery.pk, timezone.now()), reason)


def _end_with(load: Load, outcome: Done | Fail) -> None:
    """The work of those that went along."""
    if load.others:
        end(KIND, keys=[copy.work_key for copy in load.others], outcome=outcome)


def write(
    copies: Iterable[Delivery],
    to: str,
    *,
    reference: str = "",
    error: str = "",
    crowded: bool = False,
    carrier: Delivery | None = None,
) -> None:
    """Each copy's move and event; then each message's, if this was its last copy. `crowded`: of the first one's
    message it is not. `carrier`: with which they went out, whatever was said of the first one meanwhile."""
    also: dict[str, Any] = {"reference": reference[:200], "sent_at": timezone.now(), "error": ""}
    if error:
        also = {"error": error[:300]}
    if carrier is not None:
        also["carrier"] = carrier
    copies = list(copies)
    for copy in copies:
        try:
            transition(copy, to, actor=ACTOR, reason=error[:300], also=also, after={"channel": copy.channel})
        except StaleTransition:  # somebody ended it while it was on the wire; what arrived, arrived
            copy.refresh_from_db(fields=["status"])
            if to in copy.TRANSITIONS.get(copy.status, ()):
                transition(copy, to, actor=ACTOR, also=also, after={"channel": copy.channel})
    ended = {copy.message_id for copy in copies} - ({copies[0].message_id} if crowded else set())
    for message_id in sorted(ended):
        settle(message_id)


def undelivered(lease: Lease, load: Load, error: Undelivered) -> Outcome:
    logger.warning("%s was not delivered: %s", load.first, error.reason)
    if not error.permanent:
        return _again(lease, load, error)
    if error.closed:
        return _closed(lease, load, error.reason)
    if load.others:
        outcome: Outcome = Retry(f"{error.reason} (of several as one: they go one by one now)", timedelta(seconds=1))
        with lease.commit(outcome):
            release(load)
            unbundle(load.others)
        return outcome
    outcome = Fail(error.reason)
    with lease.commit(outcome):
        release(load)
    return outcome


def _again(lease: Lease, load: Load, error: Undelivered) -> Outcome:
    """After the pause that was asked for, or a growing one; all that goes to this address waits with it."""
    pause = lease.handler.backoff.after(load.failures + 1)
    if error.after is not None:
        pause = max(error.after, timedelta(seconds=1))
    pause, patience = min(pause, LONGEST_PAUSE), load.channel.patience
    if timezone.now() + pause <= load.first.queued_at + patience + TRYING:
        outcome: Outcome = Retry(error.reason, pause)
    else:
        hours = f"{patience.total_seconds() / 3600:.0f} hours"
        outcome = Fail(f"gave up within {hours}, after {lease.work.failures + 1} tries: {error.reason}")
    with lease.commit(outcome):
        release(load, busy=pause, failed=True)
        Delivery.objects.filter(pk__in=load.keys).update(error=error.reason[:300])
    return outcome


def _closed(lease: Lease, load: Load, reason: str) -> Outcome:
    """The destination would refuse the next message too: it is switched off, and says so before that matters."""
    outcome = Fail(reason)
    with lease.commit(outcome):
        release(load)
        write(load.others, Delivery.State.FAILED, error=reason)
        _end_with(load, outcome)
        if load.first.destination and load.first.destination.enabled:
            switch_off(destination=load.first.destination, reason=reason, actor=ACTOR)
    return outcome


@transaction.atomic
def gave_up(delivery_id: int, error: str) -> None:
    """The work row failed for good: so did the copy. What was to go with it goes by itself."""
    delivery = Delivery.objects.select_related("message").get(pk=delivery_id)
    if delivery.status == Delivery.State.QUEUED:
        write([delivery], Delivery.State.FAILED, error=error)
        unbundle(delivery.carried.exclude(pk=delivery.pk))
