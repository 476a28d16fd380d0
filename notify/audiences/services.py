"""Verbs on audiences and their destinations."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.shielding import shielded
from integrations.channels import CHANNELS
from integrations.families import unmasked
from ledger import Invalid, alarm, record
from notify.audiences.models import Audience, Destination

LONGEST_PAUSE = 86_400
SUBSCRIBER = "subscriber"  # the label of what a reader of the status page subscribed


@transaction.atomic
def add_audience(*, slug: str, name: str, kind: str, actor: str, purpose: str = "", level: str = "") -> Audience:
    audience, created = Audience.objects.get_or_create(
        slug=slug, defaults={"name": name, "kind": kind, "purpose": purpose, "level": level}
    )
    if created:
        record("audience.added", actor=actor, subject=f"audience:{audience.pk}", after={"slug": slug, "kind": kind})
    return audience


@transaction.atomic
def add_destination(
    *,
    channel: str,
    config: Mapping[str, Any],
    actor: str,
    audience: Audience | None = None,
    user: User | None = None,
    label: str = "",
    pause: int | None = None,
) -> Destination:
    """What it is told is checked by its channel, and sealed; a key that was left out may have been made by then."""
    parsed = CHANNELS.parse(channel, config)
    destination = Destination.objects.create(
        audience=audience,
        user=user,
        channel=channel,
        label=label_of(label),
        pause=pause_of(pause),
        sealed=Destination.seal(parsed),
    )
    record(
        "destination.added",
        actor=actor,
        subject=destination.subject,
        after={
            "audience": audience.slug if audience else None,
            "user": user.actor if user else None,
            "channel": channel,
            "to": shielded(destination.address()),
        },
    )
    return destination


def left_to_us(channel: str, config: Mapping[str, Any]) -> list[str]:
    """Secrets that nobody entered and that the channel made itself: the receiver must learn them."""
    told = unmasked(CHANNELS.parse(channel, config))
    return [name for name in CHANNELS[channel].secret_names() if name not in config and told.get(name)]


def label_of(text: str) -> str:
    if len(text) > 80:
        raise Invalid("label", "The name is too long.", "at most 80 characters")
    return text.strip()


def pause_of(seconds: int | None) -> int | None:
    if seconds is not None and not 0 <= seconds <= LONGEST_PAUSE:
        raise Invalid("pause", "The pause is too long.", f"0 to {LONGEST_PAUSE:,} seconds")
    return seconds


@transaction.atomic
def adopt_destination(*, audience: Audience, channel: str, sealed: str, actor: str) -> Destination:
    """A subscriber's, sealed since it was asked for; it was checked by then."""
    destination = Destination.objects.create(audience=audience, channel=channel, label=SUBSCRIBER, sealed=sealed)
    record(
        "destination.added",
        actor=actor,
        subject=destination.subject,
        after={"audience": audience.slug, "user": None, "channel": channel, "to": shielded(destination.address())},
    )
    return destination


@transaction.atomic
def set_enabled(*, destination: Destination, enabled: bool, actor: str, reason: str = "") -> None:
    """By a person. Whoever switches one on takes the alarm that it was off away."""
    _switch(destination, enabled, actor=actor, reason=reason)


@transaction.atomic
def switch_off(*, destination: Destination, reason: str, actor: str) -> None:
    """By the outbox: nothing will arrive there any more. That is an alert, before the next message is missed; but for
    a subscriber's: strangers come and go, and raise no alarm by it."""
    _switch(destination, False, actor=actor, reason=reason, alarmed=not hasattr(destination, "subscriber"))


def _switch(destination: Destination, enabled: bool, *, actor: str, reason: str, alarmed: bool = False) -> None:
    changed = (
        Destination.objects.filter(pk=destination.pk)
        .exclude(enabled=enabled)
        .update(enabled=enabled, disabled_because="" if enabled else reason[:300])
    )
    if not changed:
        return
    raised = None
    if enabled or alarmed:
        title = f"{_whose(destination)} cannot be reached by {destination.channel}: {reason}"
        raised = alarm(destination.subject, "SEV3", cleared=enabled, title="" if enabled else title[:200])
    verb = "destination.enabled" if enabled else "destination.disabled"
    record(verb, actor=actor, subject=destination.subject, reason=reason, alarm=raised)


def _whose(destination: Destination) -> str:
    if destination.audience:
        return f"{destination.audience} ({destination.label})" if destination.label else str(destination.audience)
    return destination.user.display_name if destination.user else str(destination)
