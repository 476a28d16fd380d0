"""One address at a time: taking the way to it, with everything that goes out now, and letting go of it.

A few messages in a row go out one by one; once a channel's burst is used up, whoever's turn it is takes all that waits
along, and they go out as one. The others wait without a worker; the next in line is woken at the end of a turn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.channels import CHANNELS, Channel
from ledger.statements import Shape, say
from notify.audiences.models import Destination
from notify.deliveries.models import Delivery, Lane
from notify.messages.models import Message
from work import Lease, wake

KIND = "notify.delivery"
HOLD = 60.0
"""Seconds that a holder has: longer than any channel takes, and than the lease of its work."""
DELIVERY, MESSAGE, DESTINATION = Shape(Delivery), Shape(Message), Shape(Destination)

TAKE = """
WITH mine AS MATERIALIZED (
  SELECT d.id, d.lane_id, d.carrier_id, make_interval(secs => COALESCE(t.pause, %(pause)s)) AS pause,
    make_interval(secs => CASE WHEN t.pause IS NULL THEN %(slack)s ELSE 0 END) AS slack
  FROM notify_delivery d LEFT JOIN notify_destination t ON t.id = d.destination_id
  WHERE d.id = %(id)s AND d.status = 'queued' AND COALESCE(d.carrier_id, d.id) = d.id
    AND EXISTS (SELECT 1 FROM work_work WHERE id = %(work)s AND fence = %(fence)s AND status = 'running')
), held AS (
  UPDATE notify_lane l SET holder = mine.id, busy_until = statement_timestamp() + make_interval(secs => %(hold)s)
  FROM mine WHERE l.id = mine.lane_id AND l.free_at <= statement_timestamp() + mine.slack
    AND (l.busy_until <= statement_timestamp() OR l.holder = mine.id)
  RETURNING l.id, l.failures,
    mine.carrier_id IS NULL
      AND greatest(l.free_at, statement_timestamp()) + mine.pause > statement_timestamp() + mine.slack AS gathers
), waiting AS (
  SELECT d.id FROM notify_delivery d JOIN mine ON d.lane_id = mine.lane_id
  WHERE d.status = 'queued' AND d.carrier_id IS NULL AND d.id <> mine.id
  ORDER BY d.id LIMIT %(most)s
), taken AS (
  UPDATE notify_delivery d SET carrier_id = mine.id FROM held, mine
  WHERE d.lane_id = held.id AND d.status = 'queued' AND (
    d.id = mine.id OR d.carrier_id = mine.id
    OR (held.gathers AND d.carrier_id IS NULL AND d.id IN (SELECT id FROM waiting))
  ) RETURNING d.*
)
SELECT $DELIVERY, $MESSAGE, $DESTINATION, held.failures
FROM held CROSS JOIN taken JOIN notify_message m ON m.id = taken.message_id
LEFT JOIN notify_destination t ON t.id = taken.destination_id
ORDER BY taken.id <> %(id)s, taken.id
"""
TAKE = TAKE.replace("$DELIVERY", DELIVERY.columns("taken")).replace("$MESSAGE", MESSAGE.columns("m"))
TAKE = TAKE.replace("$DESTINATION", DESTINATION.columns("t"))

# Next is whoever waits longest. One that was tried before is its own carrier, and nobody takes it along: it must have
# its turn here like the others, or it would find the way taken whenever it looks by itself.
RELEASE = """
UPDATE notify_lane SET holder = NULL, failures = %(failures)s,
  busy_until = statement_timestamp() + make_interval(secs => %(busy)s),
  free_at = greatest(free_at, statement_timestamp()) + make_interval(secs => %(pause)s)
WHERE id = %(lane)s AND holder = %(holder)s
RETURNING (
  SELECT min(id) FROM notify_delivery
  WHERE lane_id = %(lane)s AND status = 'queued' AND COALESCE(carrier_id, id) = id AND id <> ALL(%(these)s::bigint[])
), (
  SELECT count(*) FROM (
    SELECT 1 FROM notify_delivery WHERE message_id = %(message)s AND status = 'queued' LIMIT %(crowd)s
  ) still
)
"""
LONGEST_QUEUE = 1_000  # nobody counts further than that
CROWD = 1_000
"""More copies than are ever under way at once."""


@dataclass(frozen=True)
class Load:
    """What one sending carries: the copy whose turn it is first, and those that go with it."""

    copies: Sequence[Delivery]
    failures: int

    @property
    def first(self) -> Delivery:
        return self.copies[0]

    @property
    def others(self) -> Sequence[Delivery]:
        return self.copies[1:]

    @property
    def keys(self) -> list[int]:
        return [copy.pk for copy in self.copies]

    @property
    def channel(self) -> type[Channel]:
        return channel_of(self.first.channel)

    @property
    def pause(self) -> float:
        """Seconds for which its lane rests afterwards."""
        own = self.first.destination.pause if self.first.destination else None
        return self.channel.pause if own is None else own


def channel_of(name: str) -> type[Channel]:
    """A channel that is there no more has a pace still, so that what waited for it can end."""
    return CHANNELS[name] if name in CHANNELS else Channel  # noqa: SIM401  # a registry, not a mapping


def take(lease: Lease, channel: type[Channel]) -> Load | None:
    """The lane of this work's delivery and what goes out now; None if it is not its turn."""
    asked = {"id": lease.work.payload["delivery"], "work": lease.work.pk, "fence": lease.fence}
    pace = {"pause": channel.pause, "slack": channel.pause * (channel.burst - 1), "most": channel.bundle - 1}
    rows = say(TAKE, {**asked, **pace, "hold": HOLD})
    copies = [built(row) for row in rows]
    if not copies or copies[0].pk != asked["id"]:
        return None
    return Load(copies, rows[0][-1])


LET_GO = """
UPDATE notify_lane SET holder = NULL, busy_until = statement_timestamp() WHERE id = %(lane)s AND holder = %(id)s
RETURNING id
"""
ALONE = """
UPDATE notify_delivery d SET carrier_id = NULL
WHERE d.carrier_id = %(carrier)s AND d.id <> d.carrier_id AND d.status = 'queued'
  AND EXISTS (SELECT 1 FROM notify_delivery c WHERE c.id = d.carrier_id AND c.status <> 'queued')
  AND NOT EXISTS (
    SELECT 1 FROM notify_lane l
    WHERE l.id = d.lane_id AND l.holder = d.carrier_id AND l.busy_until > statement_timestamp()
  )
RETURNING d.id
"""


def left_behind(carrier: int) -> list[int]:
    """They go by themselves: what they were to go with is over, and not on the wire. Whoever takes a copy back meets,
    now and then, the worker that takes it up at this very moment, and neither sees what the other one does."""
    return [pk for (pk,) in say(ALONE, {"carrier": carrier})]


@transaction.atomic
def clear_up(copy: Delivery) -> None:
    """It was taken back while its turn began: others need not wait until the lane is free by itself."""
    if say(LET_GO, {"lane": copy.lane_id, "id": copy.pk}):
        for key in left_behind(copy.pk):
            wake(KIND, str(key))


def built(row: tuple[Any, ...]) -> Delivery:
    """The delivery with its message and its destination, as `select_related` would give it."""
    values = iter(row)
    delivery, delivery.message = DELIVERY.build(values), MESSAGE.build(values)
    if delivery.destination_id is not None:
        delivery.destination = DESTINATION.build(values)
    return delivery


QUEUES = """
SELECT l.id, l.busy_until, l.free_at, (
  SELECT count(*) FROM (
    SELECT 1 FROM notify_delivery
    WHERE lane_id = l.id AND status = 'queued' AND COALESCE(carrier_id, id) = id LIMIT %(most)s
  ) queued
) FROM notify_lane l WHERE l.id = ANY(%(lanes)s::bigint[])
"""
PLACES = """
SELECT d.id, d.channel, t.pause, l.busy_until, l.free_at, (
  SELECT count(*) FROM (
    SELECT 1 FROM notify_delivery o
    WHERE o.lane_id = d.lane_id AND o.status = 'queued' AND COALESCE(o.carrier_id, o.id) = o.id AND o.id < d.id
    LIMIT %(most)s
  ) before
) FROM notify_delivery d JOIN notify_lane l ON l.id = d.lane_id
LEFT JOIN notify_destination t ON t.id = d.destination_id
WHERE d.id = ANY(%(ids)s::bigint[]) AND d.status = 'queued'
"""


@dataclass
class Queue:
    """What waits on a lane for its turn, counted up to `LONGEST_QUEUE`."""

    busy_until: datetime
    free_at: datetime
    length: int

    def enter(self, channel: type[Channel], pause: float | None) -> datetime | None:
        """When the turn of another copy will have come; None if it is due at once. To look earlier would be in vain,
        and whoever is next is woken at the end of each sending."""
        now, own = timezone.now(), channel.pause if pause is None else pause
        burst = channel.burst if pause is None else 1
        place, self.length = self.length, self.length + 1
        open_from = max(self.busy_until, self.free_at - timedelta(seconds=own * (burst - 1)))
        if open_from <= now:
            if place < burst:
                return None
            place += channel.bundle - burst  # the first few go one by one, and then it rests
        return max(open_from, now) + timedelta(seconds=own * (place // channel.bundle))


def queues(lanes: Iterable[int]) -> dict[int, Queue]:
    """Of those lanes, before anything is put into them."""
    rows = say(QUEUES, {"lanes": sorted(set(lanes)), "most": LONGEST_QUEUE})
    return {pk: Queue(*row) for pk, *row in rows}


def turns_from(deliveries: Iterable[int]) -> dict[int, datetime]:
    """When the lane of each, if it is still to be sent, will have come to it."""
    found = {}
    for pk, channel, pause, *lane in say(PLACES, {"ids": list(deliveries), "most": LONGEST_QUEUE}):
        found[pk] = Queue(*lane).enter(channel_of(channel), pause) or timezone.now()
    return found


def release(load: Load, *, busy: timedelta = timedelta(), failed: bool = False) -> bool:
    """Let go of the lane for whoever is next. In the transaction that ends the turn, before any copy is written.

    True: so many copies of the first one's message are open still that one of them is sure to come after this one.
    """
    first = load.first
    values = {"lane": first.lane_id, "holder": first.pk, "busy": busy.total_seconds(), "these": load.keys}
    pace = {"pause": load.pause, "failures": load.failures + 1 if failed else 0}
    found = say(RELEASE, {**values, **pace, "message": first.message_id, "crowd": CROWD})
    if not found:
        return False
    ((following, still),) = found
    if following is not None:
        wake(KIND, str(following))
    return bool(still >= CROWD)


def unbundle(copies: Iterable[Delivery]) -> None:
    """They go by themselves: something among them was refused, and nobody said what."""
    those = [copy.pk for copy in copies]
    Delivery.objects.filter(pk__in=those, status=Delivery.State.QUEUED).update(carrier=None)


def lanes_of(ways: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The lane of each channel and address, made where there is none."""
    wanted = sorted({(channel, address.lower()) for channel, address in ways})
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(wanted), 1_000):
        part = wanted[start : start + 1_000]
        known = Lane.objects.filter(address__in=[address for _, address in part])
        found |= {(lane.channel, lane.address): lane.pk for lane in known}
        if missing := [way for way in part if way not in found]:
            made = [Lane(channel=channel, address=address) for channel, address in missing]
            Lane.objects.bulk_create(made, ignore_conflicts=True)
            known = Lane.objects.filter(address__in=[address for _, address in missing])
            found |= {(lane.channel, lane.address): lane.pk for lane in known}
    return {way: found[way] for way in wanted}
