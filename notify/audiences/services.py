"""Verbs on audiences and their destinations."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.shielding import shielded
from integrations.channels import CHANNELS
from ledger import record
from notify.audiences.models import Audience, Destination


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
) -> Destination:
    parsed = CHANNELS.parse(channel, config)
    destination = Destination.objects.create(
        audience=audience, user=user, channel=channel, label=label, sealed=Destination.seal(parsed)
    )
    record(
        "destination.added",
        actor=actor,
        subject=f"destination:{destination.pk}",
        after={
            "audience": audience.slug if audience else None,
            "user": user.actor if user else None,
            "channel": channel,
            "to": shielded(destination.address()),
        },
    )
    return destination


@transaction.atomic
def set_enabled(*, destination: Destination, enabled: bool, actor: str, reason: str = "") -> None:
    changed = (
        Destination.objects.filter(pk=destination.pk)
        .exclude(enabled=enabled)
        .update(enabled=enabled, disabled_because="" if enabled else reason[:300])
    )
    if changed:
        verb = "destination.enabled" if enabled else "destination.disabled"
        record(verb, actor=actor, subject=f"destination:{destination.pk}", reason=reason)
