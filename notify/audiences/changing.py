"""Changing a destination that is there: its settings, and the keys that sign what goes to it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from pydantic import BaseModel

from accounts.shielding import shielded
from integrations.channels import CHANNELS, Undelivered
from integrations.families import unmasked
from ledger import Invalid, Refused, record
from notify.audiences.models import Destination
from notify.audiences.services import label_of, pause_of
from notify.deliveries.lanes import KIND, lanes_of
from notify.deliveries.models import Delivery, Lane
from work import wake


@transaction.atomic
def edit_destination(
    *, destination: Destination, config: Mapping[str, Any], actor: str, label: str, pause: int | None
) -> Destination:
    """Secrets that are left out stay as they are; but where they are sent is changed only by somebody who enters them
    anew. What waits in the outbox goes where the destination leads from now on."""
    held = Destination.objects.select_for_update().get(pk=destination.pk)
    channel, known = CHANNELS[held.channel], _known(held)
    kept = {name: known[name] for name in channel.secret_names() if name not in config and known.get(name)}
    parsed = CHANNELS.parse(held.channel, {**kept, **config})
    told = unmasked(parsed)
    moved = [name for name in channel.leads if known and told[name] != known.get(name)]
    if moved and kept:
        hint = f"{moved[0]} is another one, and a secret is led nowhere by somebody who does not know it"
        raise Invalid(f"config.{next(iter(kept))}", "Enter it anew.", hint)
    held.sealed, held.label, held.pause = Destination.seal(parsed), label_of(label), pause_of(pause)
    held.save(update_fields=["sealed", "label", "pause"])
    fields = sorted(name for name, value in told.items() if value != known.get(name))
    after = {"channel": held.channel, "fields": fields, "to": shielded(str(held.address()))}
    record("destination.changed", actor=actor, subject=held.subject, after=after)
    _lead_on(held)
    return held


def _known(destination: Destination) -> dict[str, Any]:
    """What is set, or nothing where that cannot be read any more: then all of it is entered anew."""
    try:
        return unmasked(destination.config)
    except Undelivered:
        return {}


def _lead_on(destination: Destination) -> None:
    """Copies in the outbox get the new address and its lane, and are tried at once. The lane is written before they
    are, as by whoever sends there."""
    queued = Delivery.objects.filter(destination=destination, status=Delivery.State.QUEUED)
    if not queued.exists():
        return
    address = str(destination.address())
    lane = lanes_of([(destination.channel, address)])[destination.channel, address.lower()]
    Lane.objects.filter(pk=lane, holder=None).update(busy_until=Now(), failures=0)
    waiting = list(queued.select_for_update().order_by("pk"))
    taken = Delivery.objects.filter(channel=destination.channel, address=address)
    told = set(taken.filter(message__in=[copy.message_id for copy in waiting]).values_list("message_id", flat=True))
    for copy in waiting:
        again = {} if copy.message_id in told else {"address": address}  # the same address is told a message once
        Delivery.objects.filter(pk=copy.pk).update(lane=lane, carrier=None, **again)
        wake(KIND, copy.work_key)


@transaction.atomic
def rotate_key(*, destination: Destination, actor: str) -> str:
    """A new signing key, told once; the old one signs along until the change is ended."""
    held, config = _held(destination)
    channel = CHANNELS[held.channel]
    if channel.settled(config) is not None:
        raise Refused("Its key is being changed already.", "end that change first", "key-changing")
    rotated = channel.rotated(config)
    if rotated is None:
        raise Refused(f"{channel.label} is not signed with a key of ours.", "edit the destination", "no-key")
    _reseal(held, rotated, "destination.key.changing", actor)
    return str(unmasked(rotated)["key"])


@transaction.atomic
def settle_key(*, destination: Destination, actor: str) -> None:
    """The receiver knows the new key: the old one signs nothing any more."""
    held, config = _held(destination)
    settled = CHANNELS[held.channel].settled(config)
    if settled is None:
        raise Refused("Its key is not being changed.", "change it first", "no-key")
    _reseal(held, settled, "destination.key.changed", actor)


def _held(destination: Destination) -> tuple[Destination, BaseModel]:
    held = Destination.objects.select_for_update().get(pk=destination.pk)
    try:
        return held, held.config
    except Undelivered as error:
        raise Refused(error.reason, "edit the destination", "unreadable") from None


def _reseal(held: Destination, config: BaseModel, verb: str, actor: str) -> None:
    Destination.objects.filter(pk=held.pk).update(sealed=Destination.seal(config))
    record(verb, actor=actor, subject=held.subject, after={"channel": held.channel})
