"""Subscribing: asked for, confirmed from where it is delivered, ended by the link in every copy."""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from pydantic import BaseModel

from integrations.channels import CHANNELS, Envelope, Undelivered
from ledger import Refused, transition
from notify.audiences.models import Audience, Destination, opened
from notify.audiences.services import SUBSCRIBER as LABEL
from notify.audiences.services import adopt_destination
from notify.subscribers.models import Subscriber
from work import Done, Fail, Lease, Outcome, Retry, enqueue

AUDIENCE = "users"
FIELDS = {"email": "address", "webhook": "url"}  # the channels that readers may name, and what they type for each
KIND = "notify.subscribing"
ACTOR = "system:public"
CONFIRM, LEAVE = "notify.subscriber.confirm", "notify.subscriber.leave"
LIFE, PAUSE = timedelta(days=2), timedelta(minutes=15)
MOST_AN_HOUR = 500  # letters to people who may never have asked; more at once is somebody's game


def audience() -> Audience | None:
    return Audience.objects.filter(slug=AUDIENCE).first()


def channels() -> list[tuple[str, str]]:
    return [(name, CHANNELS[name].label) for name in FIELDS if name in CHANNELS]


@transaction.atomic
def ask(*, channel: str, address: str) -> None:
    """Send the link that confirms. What is known of the address makes no difference that the asker could see.

    Nothing is recorded yet: strangers must not be able to write into the ledger by filling in a form.
    """
    config = CHANNELS.parse(channel, {FIELDS[channel]: address.strip()})
    told, now = audience(), timezone.now()
    if told is None:
        raise Refused("nobody can subscribe here yet", "the desk has no public audience", "no-audience")
    Subscriber.objects.filter(status=Subscriber.State.ASKED, asked_at__lt=now - LIFE).delete()
    if Subscriber.objects.filter(status=Subscriber.State.ASKED, asked_at__gt=now - timedelta(hours=1)).count() >= (
        MOST_AN_HOUR
    ):
        raise Refused("too many people subscribe at once", "try again in an hour, or follow the Atom feed", "busy")
    found = _find_or_make(told, channel, _mark(channel, address), config)
    if found.status == Subscriber.State.CONFIRMED or (found.turn > 1 and found.asked_at > now - PAUSE):
        return
    # Also for one who left and comes back: not a change yet, and no event.
    found.status, found.sealed, found.asked_at = Subscriber.State.ASKED, Destination.seal(config), now
    found.turn += 1
    found.save()
    enqueue(KIND, key=f"{found.pk}:{found.turn}", actor=ACTOR, payload={"subscriber": found.pk, "turn": found.turn})


def _mark(channel: str, address: str) -> str:
    known = address.strip().lower() if channel == "email" else address.strip()
    return salted_hmac("notify.subscriber", f"{channel}:{known}", algorithm="sha256").hexdigest()


def _find_or_make(told: Audience, channel: str, mark: str, config: BaseModel) -> Subscriber:
    held = Subscriber.objects.select_for_update()
    if found := held.filter(audience=told, mark=mark).first():
        return found
    try:
        with transaction.atomic():
            return Subscriber.objects.create(audience=told, channel=channel, mark=mark)
    except IntegrityError:  # asked twice at the same moment
        return held.get(audience=told, mark=mark)


def send_link(lease: Lease) -> Outcome:
    """The work `notify.subscribing`."""
    found = Subscriber.objects.filter(pk=lease.work.payload["subscriber"], turn=lease.work.payload["turn"]).first()
    if found is None or found.status != Subscriber.State.ASKED:
        return Done({"nothing": "it is not waited for any more"})
    config = opened(found.channel, found.sealed)
    token = signing.dumps([found.pk, found.turn], salt=CONFIRM)
    link = settings.PUBLIC_URL + reverse("notify:subscribe-confirm", args=[token])
    subject, _, body = render_to_string("notify/subscribers/confirm.txt", {"link": link}).strip().partition("\n")
    lease.check()
    try:
        mark = f"breakglass-subscribe-{found.pk}-{found.turn}"
        CHANNELS[found.channel].send(config, Envelope(token=mark, subject=subject, body=body.strip(), link=link))
    except Undelivered as error:
        return Fail(error.reason) if error.permanent else Retry(error.reason, error.after)
    return Done()


def find_asked(token: str) -> Subscriber:
    """Whom a confirming link is for, or a clear reason why it is for nobody any more."""
    gone = Refused("this link no longer works", "subscribe again: it is valid for two days, once", "link")
    try:
        pk, turn = signing.loads(token, salt=CONFIRM, max_age=LIFE)
    except (signing.BadSignature, ValueError, TypeError):
        raise gone from None
    found = Subscriber.objects.select_related("audience").filter(pk=pk, turn=turn).first()
    if found is None or found.status != Subscriber.State.ASKED:
        raise gone
    return found


def confirm(token: str) -> tuple[Subscriber, BaseModel]:
    """From now on it is a destination of the public audience like any other."""
    with transaction.atomic():
        found = Subscriber.objects.select_for_update().get(pk=find_asked(token).pk)
        config = opened(found.channel, found.sealed)
        place = adopt_destination(audience=found.audience, channel=found.channel, sealed=found.sealed, actor=ACTOR)
        transition(found, Subscriber.State.CONFIRMED, actor=ACTOR, also={"destination": place, "sealed": ""})
    return found, config


def leave_link(subscriber: Subscriber) -> str:
    """Stands in every copy, and never expires: whoever can read the copy may end it."""
    token = signing.dumps([subscriber.pk, subscriber.turn], salt=LEAVE)
    return settings.PUBLIC_URL + reverse("notify:subscribe-leave", args=[token])


def find_leaving(token: str) -> Subscriber:
    gone = Refused("this link no longer works", "the link of the last message that you got does", "link")
    try:
        pk, turn = signing.loads(token, salt=LEAVE)
    except (signing.BadSignature, ValueError, TypeError):
        raise gone from None
    found = Subscriber.objects.filter(pk=pk, turn=turn).first()
    if found is None:
        raise gone
    return found


@transaction.atomic
def leave(token: str) -> None:
    """Nothing more goes there, and the address is forgotten; again, it changes nothing."""
    found = Subscriber.objects.select_for_update().get(pk=find_leaving(token).pk)
    if found.status != Subscriber.State.CONFIRMED:
        return
    place = found.destination
    transition(found, Subscriber.State.LEFT, actor=ACTOR, also={"destination": None, "sealed": ""})
    if place is not None:
        place.delete()


def leaving(destination: Destination | None) -> str:
    """Where the subscriber who is told there ends it; nothing for everybody else."""
    if destination is None or destination.label != LABEL:  # nearly all: without asking for each
        return ""
    found = Subscriber.objects.filter(destination=destination).first()
    return leave_link(found) if found else ""


def footer(link: str) -> str:
    """What a subscriber's copy says below the words that were approved: why it came, and how to end it."""
    return f"\n\n-- \nYou asked for these messages at {settings.STATUS_URL}/\nTo end them: {link}" if link else ""
