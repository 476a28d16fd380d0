"""What would go wrong if somebody were needed: steps that reach nobody, people without a way, times without anyone.

It is said on the ladders' and rotations' pages and on the front page, before it matters.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import User
from notify.audiences.selectors import recipients
from notify.deliveries.models import Delivery
from notify.ladders.models import Ladder
from notify.ladders.steps import DEFAULT, Climb, thawed
from notify.ladders.targets import people
from notify.rotations.models import Rotation
from notify.rotations.selectors import Calendar, calendar, calendars

PATIENCE, LATE = timedelta(minutes=5), "late"


@dataclass(frozen=True)
class Gap:
    """Something that is wrong with a rotation or a ladder."""

    where: str
    what: str
    href: str


def gaps() -> list[Gap]:
    """Of everything that is set up; each person once."""
    rotations = calendars()
    ladders = list(Ladder.objects.all())
    found = [gap for one in rotations for gap in rotation_gaps(one)]
    for ladder in ladders:
        found += gaps_of(ladder)
    if not ladders:
        found += ladder_gaps(thawed(DEFAULT), "No ladder is set up", reverse("notify:ladders"))
    return list({gap.what: gap for gap in reversed(found)}.values())[::-1]


def rotation_gaps(one: Calendar) -> list[Gap]:
    """Who cannot be told comes first: that is so now, and the times are to come."""
    where, href = str(one.rotation), one.rotation.get_absolute_url()
    found = [Gap(where, what, href) for what in _silent(one.people)]
    for turn in one.gaps:
        when = f"from {turn.shift.since:%d %b %H:%M} to {turn.shift.until:%d %b %H:%M} UTC"
        who = f"{turn.left}, who is not active any more, is on call" if turn.left else "nobody is on call"
        found.append(Gap(where, f"{who} {when}", href))
    return found


def gaps_of(ladder: Ladder) -> list[Gap]:
    return ladder_gaps(ladder.climbing, str(ladder), reverse("notify:ladder", args=[ladder.slug]))


def ladder_gaps(climb: Climb, name: str, href: str) -> list[Gap]:
    """A step counts as reaching somebody if anybody on it, now and in the days to come, can be told."""
    found, everybody = [], dict[User, None]()
    for number, step in enumerate(climb.steps, 1):
        those = dict.fromkeys(user for target in step.targets for user in people_ahead(target))
        everybody.update(those)
        if not those:
            found.append(Gap(name, f"step {number} reaches nobody: {', '.join(step.targets)}", href))
        elif len(unreachable(those)) == len(those):
            found.append(Gap(name, f"nobody on step {number} can be told", href))
    return found + [Gap(name, what, href) for what in _silent(everybody)]


def people_ahead(target: str) -> list[User]:
    """Whom it means now, and of a rotation also in the days to come."""
    kind, _, name = target.partition(":")
    rotation = Rotation.objects.filter(slug=name).first() if kind == "rotation" else None
    return list(calendar(rotation).people) if rotation else people(kind, name)


def _silent(users: Iterable[User]) -> Iterator[str]:
    for user, why in unreachable(users).items():
        yield f"{user.display_name} {why}"


def unreachable(users: Iterable[User]) -> dict[User, str]:
    """Those who cannot be told by any way, or whom the last message did not reach."""
    asked = list(users)
    ways = {way.user for way in recipients(None, asked)}
    copies = set(_last(asked).union(_late(asked), all=True))
    found = {}
    for user in asked:
        if user not in ways:
            found[user] = "has no working channel"
        elif (user.pk, Delivery.State.FAILED) in copies:
            found[user] = "did not get the last message: it could not be delivered"
        elif (user.pk, LATE) in copies:
            found[user] = "has not got what was sent minutes ago: it cannot be delivered yet"
    return found


def _last(users: list[User]) -> Any:
    """How the last copy to each of them fared."""
    found = Delivery.objects.filter(user__in=users).order_by("user_id", "-pk").distinct("user_id")
    return found.values_list("user_id", "status")


def _late(users: list[User]) -> Any:
    """Whose copies stand in the outbox, none of the same message having arrived by another way."""
    arrived = Delivery.objects.filter(message=OuterRef("message"), user=OuterRef("user"), status=Delivery.State.SENT)
    found = Delivery.objects.filter(user__in=users, status=Delivery.State.QUEUED, queued_at__lt=Now() - PATIENCE)
    return found.exclude(Exists(arrived)).annotate(how=Value(LATE)).values_list("user_id", "how")
