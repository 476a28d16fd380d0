"""A layer of a rotation as plain values: people who take turns. Turns are counted in the rotation's own time, so that a
hand-over at nine stays at nine when the clocks change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MIDNIGHT = time(0, 0)


class Layer(BaseModel):
    """`people` (usernames) in the order of their turns. `days`, `from_time` and `until_time` limit when it covers; a
    window that ends before it begins goes over midnight and belongs to the day on which it begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=150)], ...], Field(min_length=1, max_length=50)
    ]
    every: Annotated[int, Field(ge=1, le=365)] = 1
    unit: Literal["hours", "days", "weeks"] = "weeks"
    starts: date
    hand_over: time = time(9, 0)
    days: tuple[Day, ...] = ()
    from_time: time | None = None
    until_time: time | None = None

    @model_validator(mode="after")
    def has_a_whole_window(self) -> Self:
        if (self.from_time is None) is not (self.until_time is None):
            raise ValueError("from_time and until_time come together")
        for moment in (self.hand_over, self.from_time, self.until_time):
            if moment is not None and (moment.tzinfo is not None or moment.second or moment.microsecond):
                raise ValueError("a time is hours and minutes, such as 09:00, in the rotation's own zone")
        return self

    def holder(self, at: datetime, zone: ZoneInfo) -> str | None:
        """Whose turn it is, if the layer covers that moment."""
        if at < self._instant(0, zone) or not self._covers(at.astimezone(zone)):
            return None
        return self.people[self._turn(at, zone) % len(self.people)]

    def edges(self, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Every moment in between at which the holder may change."""
        turn = max(0, self._turn(since, zone))
        while (edge := self._instant(turn, zone)) < until:
            yield edge
            turn += 1
        if not self.days and self.from_time is None:
            return
        day, last = since.astimezone(zone).date() - timedelta(days=1), until.astimezone(zone).date()
        while day <= last:
            yield from (_at(day, moment, zone) for moment in (self.from_time or MIDNIGHT, self.until_time or MIDNIGHT))
            day += timedelta(days=1)

    def _turn(self, at: datetime, zone: ZoneInfo) -> int:
        """The number of the turn; below 0 before the first one."""
        first = self._instant(0, zone)
        turn = int((at - first) // self._length)
        while self._instant(turn + 1, zone) <= at:
            turn += 1
        while self._instant(turn, zone) > at:
            turn -= 1
        return turn

    @property
    def _length(self) -> timedelta:
        return timedelta(**{self.unit: self.every})

    def _instant(self, turn: int, zone: ZoneInfo) -> datetime:
        """When a turn begins. Hours pass as they do; days and weeks are counted on the wall."""
        if self.unit == "hours":
            return _at(self.starts, self.hand_over, zone) + turn * self._length
        return _at(self.starts + turn * self._length, self.hand_over, zone)

    def _covers(self, local: datetime) -> bool:
        begins, ends = self.from_time or MIDNIGHT, self.until_time or MIDNIGHT
        now, day = local.time(), local.date()
        if begins < ends:
            return begins <= now < ends and self._on(day)
        return (now >= begins and self._on(day)) or (now < ends and self._on(day - timedelta(days=1)))

    def _on(self, day: date) -> bool:
        return not self.days or DAYS[day.weekday()] in self.days


def _at(day: date, moment: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, moment, tzinfo=zone).astimezone(UTC)
