"""Several copies at once, each to an address of its own: taken, recorded and let go of by one statement for all.

Only what is simple goes this way: a first try, alone on its lane, to a receiver that takes a repetition for one (should
this worker die before it has written down what it sent). Everything else is a turn of its own, as is what comes of a
copy that was not delivered.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from integrations.channels import Undelivered
from ledger.statements import say
from ledger.transitions import transition_all
from notify.deliveries.lanes import (
    CROWD,
    DELIVERY,
    DESTINATION,
    HOLD,
    KIND,
    MESSAGE,
    Load,
    built,
    channel_of,
    turns_from,
)
from notify.deliveries.models import Delivery
from notify.deliveries.services import ACTOR, handed_over, undelivered, write
from notify.deliveries.withdrawing import unneeded
from notify.messages.services import settle
from work import Done, Lease, Wait, commit_all, wake

logger = logging.getLogger(__name__)
LONGEST = 0.5
"""Seconds after which no further one is begun: what was sent is not written down before the end."""
SOON = timedelta(milliseconds=50)

TAKE_ALL = """
WITH asked AS (
  SELECT * FROM unnest(%(ids)s::bigint[], %(works)s::bigint[], %(fences)s::bigint[], %(pauses)s::float[],
    %(slacks)s::float[]) AS asked(id, work, fence, pause, slack)
), mine AS MATERIALIZED (
  SELECT DISTINCT ON (d.lane_id) d.id, d.lane_id, make_interval(secs => COALESCE(t.pause, asked.pause)) AS pause,
    make_interval(secs => CASE WHEN t.pause IS NULL THEN asked.slack ELSE 0 END) AS slack
  FROM asked JOIN notify_delivery d ON d.id = asked.id
  JOIN work_work w ON w.id = asked.work AND w.fence = asked.fence AND w.status = 'running'
  LEFT JOIN notify_destination t ON t.id = d.destination_id
  WHERE d.status = 'queued' AND d.carrier_id IS NULL ORDER BY d.lane_id, d.id
), free AS MATERIALIZED (
  SELECT l.id, mine.id AS delivery FROM notify_lane l JOIN mine ON mine.lane_id = l.id
  WHERE l.busy_until <= statement_timestamp()
    AND greatest(l.free_at, statement_timestamp()) + mine.pause <= statement_timestamp() + mine.slack
  ORDER BY l.id FOR UPDATE OF l SKIP LOCKED
), held AS (
  UPDATE notify_lane l SET holder = free.delivery, busy_until = statement_timestamp() + make_interval(secs => %(hold)s)
  FROM free WHERE l.id = free.id RETURNING l.holder, l.failures
), taken AS (
  UPDATE notify_delivery d SET carrier_id = d.id FROM held
  WHERE d.id = held.holder AND d.status = 'queued' AND d.carrier_id IS NULL RETURNING d.*
)
SELECT $DELIVERY, $MESSAGE, $DESTINATION, held.failures
FROM held JOIN taken ON taken.id = held.holder JOIN notify_message m ON m.id = taken.message_id
LEFT JOIN notify_destination t ON t.id = taken.destination_id ORDER BY taken.id
"""
TAKE_ALL = TAKE_ALL.replace("$DELIVERY", DELIVERY.columns("taken")).replace("$MESSAGE", MESSAGE.columns("m"))
TAKE_ALL = TAKE_ALL.replace("$DESTINATION", DESTINATION.columns("t"))

RELEASE_ALL = """
UPDATE notify_lane l SET holder = NULL, failures = 0, busy_until = statement_timestamp(),
  free_at = greatest(free_at, statement_timestamp()) + make_interval(secs => ours.pause)
FROM unnest(%(lanes)s::bigint[], %(holders)s::bigint[], %(pauses)s::float[]) AS ours(lane, holder, pause)
WHERE l.id = ours.lane AND l.holder = ours.holder
RETURNING (
  SELECT min(d.id) FROM notify_delivery d
  WHERE d.lane_id = l.id AND d.status = 'queued' AND COALESCE(d.carrier_id, d.id) = d.id AND d.id <> ours.holder
)
"""
CROWDED = """
SELECT id FROM unnest(%(messages)s::bigint[]) AS of(id) WHERE %(crowd)s <= (
  SELECT count(*) FROM (
    SELECT 1 FROM notify_delivery WHERE message_id = of.id AND status = 'queued' LIMIT %(crowd)s
  ) still
)
"""
Sent = dict[Lease, tuple[Load, str]]


def attempt_together(leases: Sequence[Lease]) -> None:
    """Hand over one after the other, outside any transaction; then write down what was delivered, under our fences."""
    began, sent = time.monotonic(), Sent()
    failed: list[tuple[Lease, Load, Undelivered]] = []
    loads = take_all(leases)
    _line_up([lease for lease in leases if lease not in loads])
    for lease, load in loads.items():
        if time.monotonic() - began > LONGEST:
            break
        try:
            sent[lease] = load, handed_over(load)
        except Undelivered as error:
            failed.append((lease, load, error))
        except Exception:
            logger.exception("%s could not be handed over; its own turn tries again and says why", load.first)
    if sent:
        _write_down(sent)
    for lease, load, why in failed:
        undelivered(lease, load, why)


def take_all(leases: Sequence[Lease]) -> dict[Lease, Load]:
    """What of these is simple and can go now, its lane taken."""
    able = {int(one.work.payload["delivery"]): one for one in leases if channel_of(_channel(one)).knows_repeats}
    if not able:
        return {}
    channels = [channel_of(_channel(lease)) for lease in able.values()]
    asked = {
        "ids": list(able),
        "works": [lease.work.pk for lease in able.values()],
        "fences": [lease.fence for lease in able.values()],
        "pauses": [channel.pause for channel in channels],
        "slacks": [channel.pause * (channel.burst - 1) for channel in channels],
        "hold": HOLD,
    }
    loads = [Load([built(row)], row[-1]) for row in say(TAKE_ALL, asked)]
    gone = unneeded([load.first for load in loads])
    return {able[load.first.pk]: load for load in loads if load.first not in gone}


def _channel(lease: Lease) -> str:
    return str(lease.work.payload.get("channel", ""))


def _line_up(leases: Sequence[Lease]) -> None:
    """What stands behind others on its lane waits until that will have come to it."""
    turns_of = turns_from(int(lease.work.payload["delivery"]) for lease in leases)
    soon = timezone.now() + SOON
    waits = {
        lease: Wait(until, "others go to its address before it")
        for lease in leases
        if (until := turns_of.get(int(lease.work.payload["delivery"]))) and until > soon
    }
    if waits:
        with commit_all(waits) as turns:
            for lease in turns.ours:
                turns.end(lease, waits[lease])


def _write_down(sent: Sent) -> None:
    done = {lease: Done({"reference": reference, "copies": load.keys}) for lease, (load, reference) in sent.items()}
    references = {load.first.pk: reference for load, reference in sent.values()}
    with commit_all(done) as turns:
        if loads := [sent[lease][0] for lease in turns.ours]:
            _release(loads)
            _write_all([load.first for load in loads], references)
        for lease in turns.ours:
            turns.end(lease, done[lease])


def _write_all(copies: Sequence[Delivery], references: Mapping[int, str]) -> None:
    crowded = _crowded(copies)
    for copy in _not_moved(copies, references):  # taken back while it was on the wire
        write([copy], Delivery.State.SENT, reference=references[copy.pk])
    for message_id in sorted({copy.message_id for copy in copies} - crowded):
        settle(message_id)


def _release(loads: Sequence[Load]) -> None:
    """Let go of all their lanes for whoever is next."""
    found = say(
        RELEASE_ALL,
        {
            "lanes": [load.first.lane_id for load in loads],
            "holders": [load.first.pk for load in loads],
            "pauses": [load.pause for load in loads],
        },
    )
    for key in sorted(following for (following,) in found if following is not None):
        wake(KIND, str(key))


def _crowded(copies: Sequence[Delivery]) -> set[int]:
    """Messages of which so many copies are open still that one of them is sure to come after these."""
    messages = sorted({copy.message_id for copy in copies})
    return {pk for (pk,) in say(CROWDED, {"messages": messages, "crowd": CROWD})}


def _not_moved(copies: Sequence[Delivery], references: Mapping[int, str]) -> list[Delivery]:
    now = timezone.now()
    also: list[dict[str, Any]] = [
        {"reference": references[copy.pk][:200], "sent_at": now, "error": ""} for copy in copies
    ]
    after = [{"channel": copy.channel} for copy in copies]
    moved = transition_all(copies, Delivery.State.SENT, actor=ACTOR, also=also, after=after)
    return [copy for copy in copies if copy not in moved]
