"""Who is on call now, who follows, and when nobody is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from notify.rotations.models import Rotation
from notify.rotations.shifts import Shift

AHEAD = timedelta(days=14)
FAR = timedelta(days=120)


def on_call(rotation: Rotation, at: datetime | None = None) -> User | None:
    """The active person whose turn it is."""
    who, _ = rotation.roster().holder(at or timezone.now())
    return User.objects.filter(username=who, is_active=True).first() if who else None


@dataclass(frozen=True)
class Turn:
    """A shift with its person, for the calendar."""

    user: User | None
    shift: Shift

    @property
    def is_gap(self) -> bool:
        return self.user is None

    @property
    def left(self) -> str:
        """The name of somebody who is named and is not here any more."""
        return self.shift.who or "" if self.user is None else ""


@dataclass(frozen=True)
class Calendar:
    """A rotation as it is shown: whose turn it is, who follows, and the days to come."""

    rotation: Rotation
    turns: tuple[Turn, ...]

    @property
    def now(self) -> Turn:
        return self.turns[0]

    @property
    def next(self) -> Turn | None:
        return self.turns[1] if len(self.turns) > 1 else None

    @property
    def gaps(self) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if turn.is_gap)

    @property
    def people(self) -> tuple[User, ...]:
        return tuple(dict.fromkeys(turn.user for turn in self.turns if turn.user))


def calendar(rotation: Rotation, ahead: timedelta = AHEAD) -> Calendar:
    """At least one change of hands ahead, however long the turns are."""
    now, roster = timezone.now(), rotation.roster()
    shifts = roster.shifts(now, now + ahead)
    if len(shifts) == 1 and ahead < FAR:
        shifts = roster.shifts(now, now + FAR)[:2]
    known = _known(shift.who for shift in shifts if shift.who)
    return Calendar(rotation, tuple(Turn(known.get(shift.who or ""), shift) for shift in shifts))


def calendars() -> list[Calendar]:
    return [calendar(rotation) for rotation in Rotation.objects.all()]


def _known(names: Iterable[str]) -> dict[str, User]:
    return {user.username: user for user in User.objects.filter(username__in=set(names), is_active=True)}
