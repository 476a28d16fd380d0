"""Whose turn it is: hand-overs on the wall clock, layers, windows over midnight, and who stands in."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from notify.ladders.steps import Climb
from notify.rotations.layers import DAYS, Layer
from notify.rotations.shifts import Roster, Stand

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 10, 19)


def layer(**more: Any) -> Layer:
    return Layer.model_validate({"people": ["ana", "ben"], "starts": MONDAY, **more})


def berlin(day: int, hour: int, minute: int = 0, month: int = 10) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def test_hand_over_stays_on_the_wall_when_the_clocks_change() -> None:
    """On 25 October 2026 an hour comes twice: Ana's week has 169 hours."""
    roster = Roster(BERLIN, [layer()])
    shifts = roster.shifts(berlin(19, 9), berlin(2, 9, month=11))
    assert [shift.who for shift in shifts] == ["ana", "ben"]
    assert shifts[0].until == berlin(26, 9) and shifts[0].until - shifts[0].since == timedelta(hours=169)
    assert roster.holder(berlin(19, 8, 59)) == (None, False), "it had not begun"
    hours = Roster(BERLIN, [layer(unit="hours", every=12)])
    assert {shift.until - shift.since for shift in hours.shifts(berlin(19, 9), berlin(29, 8))} == {timedelta(hours=12)}


def test_the_last_layer_that_covers_counts() -> None:
    night = layer(people=["carol"], from_time="20:00", until_time="08:00", days=["fri"])
    roster = Roster(BERLIN, [layer(), night])
    assert roster.holder(berlin(23, 19, 59))[0] == "ana"
    assert roster.holder(berlin(23, 20))[0] == "carol"
    assert roster.holder(berlin(24, 7, 59))[0] == "carol", "Friday's night goes on until Saturday morning"
    assert roster.holder(berlin(24, 20))[0] == "ana"
    assert roster.holder(berlin(24, 8))[0] == "ana"
    alone = Roster(BERLIN, [night])
    assert [shift.who for shift in alone.shifts(berlin(23, 12), berlin(24, 12))] == [None, "carol", None]
    weekdays = Roster(BERLIN, [layer(days=["mon", "tue"])])
    assert weekdays.holder(berlin(20, 23, 59))[0] == "ana" and weekdays.holder(berlin(21, 0))[0] is None


def test_who_stands_in_comes_first_and_the_later_entry_counts() -> None:
    stands = [Stand("dan", berlin(20, 0), berlin(21, 0)), Stand("erin", berlin(20, 12), berlin(20, 18))]
    shifts = Roster(BERLIN, [layer()], stands).shifts(berlin(19, 12), berlin(22, 0))
    assert [(shift.who, shift.stands_in) for shift in shifts] == [
        *(("ana", False), ("dan", True), ("erin", True), ("dan", True), ("ana", False))
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": []},
        {"every": 0},
        {"unit": "months"},
        {"from_time": "08:00"},
        {"hand_over": "09:00:30"},
        {"hand_over": "09:00+02:00"},
        {"days": ["monday"]},
        {"person": "ana"},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        layer(**wrong)


moments = st.datetimes(datetime(2026, 3, 1), datetime(2026, 12, 1)).map(lambda naive: naive.replace(tzinfo=UTC))
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))
windows = st.one_of(st.just({}), st.builds(lambda a, b: {"from_time": a, "until_time": b}, times, times))
layers = st.builds(
    lambda window, **fixed: Layer(**fixed, **window),
    windows,
    people=st.lists(st.sampled_from("abcd"), min_size=1, max_size=3).map(tuple),
    every=st.integers(1, 30),
    unit=st.sampled_from(["hours", "days", "weeks"]),
    starts=st.dates(date(2026, 2, 1), date(2026, 11, 1)),
    hand_over=times,
    days=st.lists(st.sampled_from(DAYS), max_size=3).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(
    layers=st.lists(layers, min_size=1, max_size=3),
    since=moments,
    length=st.integers(1, 20 * 24 * 60),
    part=st.floats(0, 0.999),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_shifts_cover_every_moment_once_and_agree_with_the_holder(
    layers: list[Layer], since: datetime, length: int, part: float, zone: str
) -> None:
    until, roster = since + timedelta(minutes=length), Roster(ZoneInfo(zone), layers)
    shifts = roster.shifts(since, until)
    assert shifts[0].since == since and shifts[-1].until == until
    assert all(one.until == two.since and one.who != two.who for one, two in pairwise(shifts))
    moment = since + part * timedelta(minutes=length)
    assert next(shift.who for shift in shifts if shift.since <= moment < shift.until) == roster.holder(moment)[0]


def test_at_last_each_audience_is_told_in_its_turn() -> None:
    steps = [{"targets": ["audience:a", "person:ana"]}, {"targets": ["audience:b"]}]
    climb = Climb.model_validate({"steps": steps, "repeats": 0})
    assert [climb.targets(turn, 0)[-1] for turn in (1, 2, 3)] == ["audience:b", "audience:a", "audience:b"]
    assert set(climb.targets(1, 0)) == {"audience:a", "audience:b", "person:ana"}
