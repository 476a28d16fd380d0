"""Who above wants to hear of what: `@subscribe("proposal.*", name="runbooks.steps")` in a room's subscriptions.py."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from ledger.models import Chain, Event, EventLink, Scope, Subscription
from ledger.statements import Shape, say

logger = logging.getLogger(__name__)
Handler = Callable[[Any], None]
Concerns = Callable[[Event], bool]
LOOK_AHEAD = 2000
SKIP_EVERY = 40
LOOK_THROUGH = 200
LONGEST_PAUSE = timedelta(seconds=30)

# Said again with every few events, so they are composed once.
BEHIND = """
SELECT s.name, s.cursor, c.seq FROM ledger_subscription s, ledger_chain c
WHERE s.name = ANY(%(names)s) AND s.cursor < c.seq AND (s.retry_at IS NULL OR s.retry_at <= %(now)s)
"""
SEEN = """
SELECT l.seq, e.id, e.verb, e.alarm IS NOT NULL
FROM ledger_eventlink l JOIN ledger_event e ON e.id = l.event_id
WHERE l.seq > %(after)s AND l.seq <= %(upto)s ORDER BY l.seq LIMIT %(most)s
"""
HOLD = BEHIND.replace("ANY(%(names)s)", "%(name)s") + "FOR UPDATE OF s SKIP LOCKED"
MOVE = """
UPDATE ledger_subscription SET cursor = %(upto)s, failures = 0, retry_at = NULL, error = '', moved_at = %(now)s
WHERE name = %(name)s RETURNING name
"""
LINK, EVENT, SCOPE = Shape(EventLink), Shape(Event), Shape(Scope)
THESE = f"""
SELECT {LINK.columns("l")}, {EVENT.columns("e")}, {SCOPE.columns("o")}
FROM ledger_event e JOIN ledger_eventlink l ON l.event_id = e.id LEFT JOIN ledger_scope o ON o.id = e.scope_id
WHERE e.id = ANY(%(pks)s) ORDER BY l.seq
"""  # noqa: S608  # columns of ours


@dataclass(frozen=True, eq=False)
class Subscriber:
    name: str
    pattern: str
    handler: Handler
    alarms: bool = False
    when: Concerns | None = None
    newest: bool = False
    many: bool = False

    @cached_property
    def _verbs(self) -> re.Pattern[str]:
        return re.compile("^" + re.escape(self.pattern).replace(r"\*", ".*") + "$")

    def wants(self, verb: str, alarmed: bool) -> bool:
        return (alarmed or not self.alarms) and self._verbs.match(verb) is not None


REGISTRY: dict[str, Subscriber] = {}


def subscribe(
    pattern: str,
    *,
    name: str,
    alarms: bool = False,
    when: Concerns | None = None,
    newest: bool = False,
    many: bool = False,
) -> Callable[[Handler], Handler]:
    """Call the handler for each matching event, in order, at least once, its cursor in the same transaction.

    `alarms`: only for events that carry an alarm, so that a subscriber to everything need not see everything. `when`:
    only for events of which it is true; it reads the event alone, so that what concerns nobody costs nothing.
    `newest`: of many that came meanwhile, the newest stands for all. `many`: the handler is given all of them at once.
    """

    def register(handler: Handler) -> Handler:
        if name in REGISTRY and REGISTRY[name].handler is not handler:
            raise RuntimeError(f"two subscribers are called {name}")
        REGISTRY[name] = Subscriber(name, pattern, handler, alarms, when, newest, many)
        return handler

    return register


def ensure_rows() -> bool:
    """A new subscriber starts at the chain's present end: history is not acted on twice."""
    end = _end_of_chain()
    Subscription.objects.bulk_create([Subscription(name=name, cursor=end) for name in REGISTRY], ignore_conflicts=True)
    return True


def dispatch(names: Iterable[str] | None = None) -> int:
    """Give every subscriber what is new to it; one that fails is tried again later and holds up nobody else.

    A few reads for all of them find out who has news; only those take a lock and a transaction.
    """
    behind = _behind(list(names or REGISTRY))
    if not behind:
        return 0
    end = behind[0].end
    seen = _seen(min(one.cursor for one in behind), end)
    if seen is None:  # somebody is far behind: each looks for itself, so that nobody waits for that one
        return sum(_drain(one.subscriber) for one in behind)
    picked = {one: one.pick(seen) for one in behind}
    asked = Event.objects.in_bulk({pk for one, found in picked.items() if one.subscriber.when for pk in found})
    waiting = [one for one, found in picked.items() if any(one.is_for(pk, asked) for pk in found)]
    handled = sum(_drain(one.subscriber) for one in waiting)
    _skip([one.subscriber.name for one in behind if one not in waiting and end - one.cursor >= SKIP_EVERY], end)
    return handled


Seen = Mapping[tuple[str, bool], Sequence[tuple[int, int]]]
"""By its verb and whether it carries an alarm, which tell most subscribers enough: (place in the chain, event)."""


@dataclass(frozen=True)
class Behind:
    """A subscriber that has not read up to the end, and need not wait after a failure."""

    subscriber: Subscriber
    cursor: int
    end: int

    def pick(self, seen: Seen) -> list[int]:
        """The events that match; whether they concern it, `when` says."""
        matching = (found for about, found in seen.items() if self.subscriber.wants(*about))
        return [pk for found in matching for seq, pk in found if seq > self.cursor]

    def is_for(self, pk: int, asked: Mapping[int, Event]) -> bool:
        try:
            return self.subscriber.when is None or self.subscriber.when(asked[pk])
        except Exception:  # it fails again in its own transaction, where that is its failure alone
            return True


def _behind(names: list[str]) -> list[Behind]:
    rows = say(BEHIND, {"names": names, "now": timezone.now()})
    found = {name: (position, end) for name, position, end in rows}
    return [Behind(REGISTRY[name], *found[name]) for name in names if name in found]


def _seen(after: int, upto: int) -> Seen | None:
    """Everything in between; None if that is too much to look through for everybody at once."""
    rows = _read(after, upto)
    found: dict[tuple[str, bool], list[tuple[int, int]]] = {}
    for seq, pk, verb, alarmed in rows:
        found.setdefault((verb, alarmed), []).append((seq, pk))
    return found if len(rows) < LOOK_AHEAD else None


def _skip(names: list[str], upto: int) -> None:
    """Whoever wants none of what was looked at is moved past it, now and then: a write an event would be waste."""
    if names:
        Subscription.objects.filter(name__in=names, cursor__lt=upto).update(cursor=upto)


def _drain(subscriber: Subscriber) -> int:
    done = 0
    while True:
        handled, more = _next(subscriber)
        done += handled
        if not more:
            return done


def _next(subscriber: Subscriber) -> tuple[int, bool]:
    """What is handled in one transaction, or the cursor moved past what does not match."""
    seq = 0
    try:
        with transaction.atomic():
            held = say(HOLD, {"name": subscriber.name, "now": timezone.now()})
            if not held:  # nothing is new, it waits after a failure, or another process has it
                return 0, False
            ((_, cursor, end),) = held
            found, upto = _after(cursor, end, subscriber)
            seq = found[0].link.seq if found else upto
            if found:
                subscriber.handler(found if subscriber.many else found[0])
            say(MOVE, {"name": subscriber.name, "upto": upto, "now": timezone.now()})
            return len(found), upto < end
    except Exception as error:
        _put_off(subscriber, seq, error)
        return 0, False


def _after(cursor: int, end: int, subscriber: Subscriber) -> tuple[list[Event], int]:
    """What it is given next, and up to where it will have read then."""
    rows = _read(cursor, end)
    upto = end if len(rows) < LOOK_AHEAD else rows[-1][0]
    wanted = [(seq, pk) for seq, pk, verb, alarmed in rows if subscriber.wants(verb, alarmed)]
    few = 1 if subscriber.when is None and not subscriber.newest and not subscriber.many else LOOK_THROUGH
    if len(wanted) > few:
        wanted = wanted[:few]
        upto = wanted[-1][0]
    if not wanted:
        return [], upto
    events = [_event(row) for row in say(THESE, {"pks": [pk for _, pk in wanted]})]
    in_turn = reversed(events) if subscriber.newest else events
    concerns = (event for event in in_turn if subscriber.when is None or subscriber.when(event))
    if subscriber.many:
        return list(concerns), upto
    found = next(concerns, None)
    if found is None:
        return [], upto
    return [found], upto if subscriber.newest else found.link.seq


def _read(after: int, upto: int) -> list[tuple[int, int, str, bool]]:
    """Place in the chain, event, verb, whether it carries an alarm: never looked for by the verb, of which there may be
    millions outside these places."""
    rows: list[Any] = say(SEEN, {"after": after, "upto": upto, "most": LOOK_AHEAD})
    return rows


def _event(row: Sequence[Any]) -> Event:
    """With its place and its scope."""
    columns = iter(row)
    link, event = LINK.build(columns), EVENT.build(columns)
    event.link = link
    event.scope = SCOPE.build(columns) if event.scope_id is not None else None
    return event


def _end_of_chain() -> int:
    return Chain.objects.values_list("seq", flat=True).first() or 0


def _put_off(subscriber: Subscriber, seq: int, error: Exception) -> None:
    """Outside the failed transaction: remember the failure and wait a little longer each time."""
    logger.exception("subscriber failed", extra={"subscriber": subscriber.name, "seq": seq})
    if not connection.is_usable():
        connection.close()
    row = Subscription.objects.filter(name=subscriber.name).first()
    if row:
        pause = min(timedelta(seconds=0.2 * 2 ** min(row.failures, 10)), LONGEST_PAUSE)
        Subscription.objects.filter(name=row.name).update(
            failures=row.failures + 1,
            retry_at=timezone.now() + pause,
            error=f"#{seq}: {type(error).__name__}: {error}"[:500],
        )
