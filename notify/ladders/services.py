"""Verbs on ladders."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from ledger import Invalid, Refused, record
from ledger.text import one_line
from notify.ladders.models import Ladder
from notify.ladders.steps import Climb
from notify.ladders.targets import why_not


def checked_climb(asked: Mapping[str, Any]) -> Climb:
    """What was asked for as a climb, or which part of it is wrong; every target must be there today."""
    try:
        climb = Climb.model_validate(asked)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(where, first["msg"].removeprefix("Value error, "), "steps, repeats, pause and lapse") from None
    for number, step in enumerate(climb.steps):
        for target in step.targets:
            if why := why_not(target):
                raise Invalid(f"steps.{number}.targets", f"{target}: {why}", "somebody who can act on it")
    return climb


@transaction.atomic
def save_ladder(*, slug: str, name: str, climb: Mapping[str, Any], actor: str) -> Ladder:
    """Make it, or change the one that has this slug. Pages that climb already keep theirs."""
    if slug == "new":
        raise Invalid("slug", "is an address of its own", "another short name")
    plan = checked_climb(climb).model_dump(mode="json")
    values = {"name": one_line("name", name, 80), "climb": plan, "changed_at": timezone.now()}
    held = Ladder.objects.select_for_update().filter(slug=slug).first()
    before = {"name": held.name, **held.climb} if held else None
    if before == {"name": values["name"], **plan} and held is not None:
        return held
    ladder, created = Ladder.objects.update_or_create(slug=slug, defaults=values)
    record(
        "ladder.added" if created else "ladder.changed",
        actor=actor,
        subject=ladder.subject,
        before=before,
        after={"slug": slug, "name": ladder.name, **plan},
    )
    return ladder


@transaction.atomic
def remove_ladder(*, ladder: Ladder, actor: str) -> None:
    """Pages that climb keep theirs; new ones ask everybody."""
    if not Ladder.objects.filter(pk=ladder.pk).delete()[0]:
        raise Refused("This ladder is gone already.", "", "gone")
    record("ladder.removed", actor=actor, subject=ladder.subject, before={"slug": ladder.slug, "name": ladder.name})
