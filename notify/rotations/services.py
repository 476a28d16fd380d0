"""Verbs on rotations."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from accounts.models import User
from ledger import Invalid, Refused, record
from ledger.text import one_line
from notify.ladders.models import Ladder
from notify.rotations.layers import Layer
from notify.rotations.models import Override, Rotation

MOST_LAYERS = 10
LONGEST_OVERRIDE = timedelta(days=366)


@transaction.atomic
def save_rotation(*, slug: str, name: str, zone: str, layers: Sequence[Mapping[str, Any]], actor: str) -> Rotation:
    """Make it, or change the one that has this slug. Who is on call changes from now on."""
    if slug == "new":
        raise Invalid("slug", "is an address of its own", "another short name")
    checked = [layer.model_dump(mode="json") for layer in _layers(layers)]
    values = {"name": one_line("name", name, 80), "zone": _zone(zone), "layers": checked}
    held = Rotation.objects.select_for_update().filter(slug=slug).first()
    before = {"name": held.name, "zone": held.zone, "layers": held.layers} if held else None
    if held is not None and before == values:
        return held
    rotation, created = Rotation.objects.update_or_create(slug=slug, defaults={**values, "changed_at": timezone.now()})
    record(
        "rotation.added" if created else "rotation.changed",
        actor=actor,
        subject=rotation.subject,
        before=before,
        after={"slug": slug, **values},
    )
    return rotation


def _layers(asked: Sequence[Mapping[str, Any]]) -> list[Layer]:
    if not 1 <= len(asked) <= MOST_LAYERS:
        raise Invalid("layers", "are none, or too many", f"1 to {MOST_LAYERS}")
    found = []
    for number, one in enumerate(asked):
        try:
            found.append(Layer.model_validate(one))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in ("layers", number, *first["loc"]))
            message = first["msg"].removeprefix("Value error, ")
            raise Invalid(
                where, message, "people, every, unit, starts, hand_over; days, from_time, until_time"
            ) from None
        for name in found[-1].people:
            _who(f"layers.{number}.people", name)
    return found


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid("zone", f"there is no time zone {name[:64]!r}", "such as Europe/Berlin or UTC") from None


def _who(field: str, name: str) -> User:
    """Whoever is on call must be able to act."""
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise Invalid(field, f"there is nobody called {name[:150]!r}", "usernames, in the order of their turns")
    if not user.has_level("responder"):
        raise Invalid(field, f"{name} is not a responder, and could not act on a page", "responders and above")
    return user


@transaction.atomic
def add_override(
    *, rotation: Rotation, user: str, since: datetime, until: datetime, actor: str, reason: str = ""
) -> Override:
    """Somebody stands in. The latest entry counts, so that a mistake is mended by another one."""
    person = _who("user", user)
    if until <= since:
        raise Invalid("until", "is not after the beginning", "a later time")
    if until <= timezone.now():
        raise Invalid("until", "is past", "a time to come")
    if until - since > LONGEST_OVERRIDE:
        raise Invalid("until", "is more than a year after the beginning", "change the layers instead")
    override = Override.objects.create(
        rotation=rotation,
        user=person,
        since=since,
        until=until,
        reason=one_line("reason", reason, 200, empty=True),
        made_by=actor,
    )
    record(
        "override.added",
        actor=actor,
        subject=rotation.subject,
        after={**_about(override), "since": since, "until": until},
        reason=reason,
    )
    return override


@transaction.atomic
def remove_override(*, override: Override, actor: str) -> None:
    """Whose turn it is counts again."""
    if not Override.objects.filter(pk=override.pk, removed_at=None).update(removed_at=timezone.now()):
        raise Refused("It was taken back already.", "", "gone")
    record("override.removed", actor=actor, subject=override.rotation.subject, before=_about(override))


def _about(override: Override) -> dict[str, Any]:
    return {"override": override.pk, "user": override.user.actor, "rotation": override.rotation.slug}


@transaction.atomic
def remove_rotation(*, rotation: Rotation, actor: str) -> None:
    """Not while a ladder names it: a step would reach nobody."""
    named = [ladder.name for ladder in Ladder.objects.all() if rotation.target in ladder.climbing.everybody]
    if named:
        raise Refused(f"It is a step of {', '.join(named)}.", "take it out of there first", "in-use")
    before = {"slug": rotation.slug, "name": rotation.name, "layers": rotation.layers}
    subject = rotation.subject
    if not Rotation.objects.filter(pk=rotation.pk).delete()[0]:
        raise Refused("This rotation is gone already.", "", "gone")
    record("rotation.removed", actor=actor, subject=subject, before=before)
