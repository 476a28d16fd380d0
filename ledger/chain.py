"""The hash chain: what is hashed, how events are linked, and how the whole is proved."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from ledger.models import Chain, Event, EventLink

BATCH = 1000
GENESIS = bytes(32)
Link = tuple[int, int, bytes, bytes, bytes]
"""A row of `EventLink`: seq, event, digest, prev, hash."""

# The numbers are of a moment before the events are read: whoever is below the oldest one had ended by then.
HOLD = """
SELECT c.seq, c.hash, c.horizon, pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint
FROM ledger_chain c, pg_current_snapshot() now WHERE c.id = 1 FOR UPDATE OF c
"""
COLUMNS = "id, at, salt, verb, actor, scope_id, subject, before, after, reason, alarm, request_id"
UNLINKED = f"""
SELECT {COLUMNS} FROM ledger_event e
WHERE txid >= %s AND NOT EXISTS (SELECT FROM ledger_eventlink l WHERE l.event_id = e.id) ORDER BY id LIMIT %s
"""  # noqa: S608
APPEND = """
WITH appended AS (
  INSERT INTO ledger_eventlink (seq, event_id, digest, prev, hash)
  SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[])
)
UPDATE ledger_chain SET seq = %s, hash = %s, horizon = %s, linked_at = clock_timestamp() WHERE id = 1
"""


def canonical(event: Event) -> bytes:
    """An event as the bytes that are hashed: sorted keys, no spaces, UTF-8, no floats, UTC to the microsecond."""
    about = (event.pk, event.at, event.salt, event.verb, event.actor, event.scope_id, event.subject)
    return _canonical(*about, event.before, event.after, event.reason, event.alarm, event.request_id)


def _canonical(
    pk: int,
    at: datetime,
    salt: UUID,
    verb: str,
    actor: str,
    scope: int | None,
    subject: str,
    before: Any,
    after: Any,
    reason: str,
    alarm: Any,
    request_id: str,
) -> bytes:
    document = {
        "id": pk,
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "salt": str(salt),
        "verb": verb,
        "actor": actor,
        "scope": scope,
        "subject": subject,
        "before": before,
        "after": after,
        "reason": reason,
        "alarm": alarm,
        "request_id": request_id,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(event: Event) -> bytes:
    return hashlib.sha256(canonical(event)).digest()


def next_hash(prev: bytes, digest: bytes) -> bytes:
    return hashlib.sha256(prev + digest).digest()


@transaction.atomic
def link_once() -> list[int]:
    """Append every committed, unlinked event to the chain; returns their sequence numbers.

    Events commit in another order than their ids, so "greater than the last id" would miss some. Instead the chain
    row keeps a horizon: every transaction below it had ended when we last saw the end of the queue, so whatever it
    wrote is linked. The row's lock makes linkers take turns.
    """
    seq, prev, horizon, oldest, upcoming = _hold()
    since = horizon if horizon <= upcoming else 0  # restored into another cluster, whose numbering starts anew
    links: list[Link] = []
    for pk, digest in _unlinked(since):
        seq += 1
        hashed = next_hash(prev, digest)
        links.append((seq, pk, digest, prev, hashed))
        prev = hashed
    if links or oldest - since > 1000:
        _append(links, seq, prev, oldest if len(links) < BATCH else since)
    return [link[0] for link in links]


def _unlinked(since: int) -> Iterator[tuple[int, bytes]]:
    """Each event's number and digest; read as rows, for the linker sees all that there is."""
    with connection.cursor() as cursor:
        cursor.execute(UNLINKED, [since, BATCH])
        for pk, at, salt, verb, actor, scope, subject, before, after, reason, alarm, asked in cursor.fetchall():
            about = (pk, at, salt, verb, actor, scope, subject, _opened(before), _opened(after))
            yield pk, hashlib.sha256(_canonical(*about, reason, _opened(alarm), asked)).digest()


def _opened(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _hold() -> tuple[int, bytes, int, int, int]:
    """The chain's row, locked; the oldest transaction still running, and the next one's number."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD)
        if (found := cursor.fetchone()) is None:
            Chain.objects.get_or_create(pk=1)
            cursor.execute(HOLD)
            found = cursor.fetchone()
    seq, last, horizon, oldest, upcoming = found
    return seq, bytes(last), horizon, oldest, upcoming


def _append(links: list[Link], seq: int, last: bytes, horizon: int) -> None:
    columns = [[link[column] for link in links] for column in range(5)]
    with connection.cursor() as cursor:
        cursor.execute(APPEND, [*columns, seq, last, horizon])


@dataclass(frozen=True)
class Verdict:
    """What `ledger verify` found."""

    linked: int
    head: str
    tail: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


BEYOND = """
SELECT l.seq FROM ledger_eventlink l
WHERE l.seq > COALESCE((SELECT seq FROM ledger_chain WHERE id = 1), 0) ORDER BY l.seq LIMIT 1
"""


def verify(most_problems: int = 20) -> Verdict:
    """Recompute every hash from the rows as they are; count what is not linked yet."""
    problems: list[str] = []
    prev, expected = GENESIS, 1
    chain = Chain.objects.filter(pk=1).first()  # first: meanwhile the linker goes on
    links = EventLink.objects.filter(seq__lte=chain.seq if chain else 0).select_related("event").order_by("seq")
    for link in links.iterator(chunk_size=2000):
        problems += _faults(link, prev, expected)
        if len(problems) >= most_problems:
            break
        prev, expected = bytes(link.hash), link.seq + 1
    if chain and not problems and (chain.seq, bytes(chain.hash)) != (expected - 1, prev):
        problems.append(f"the chain row says it ends at #{chain.seq}, the links end at #{expected - 1}")
    with connection.cursor() as cursor:  # one statement sees both as one transaction left them
        cursor.execute(BEYOND)
        problems += [f"#{seq} is linked beyond the end of the chain" for (seq,) in cursor.fetchall()]
    tail = Event.objects.filter(link__isnull=True).count()
    return Verdict(linked=expected - 1, head="0x" + prev.hex(), tail=tail, problems=tuple(problems))


def _faults(link: EventLink, prev: bytes, expected: int) -> Iterator[str]:
    if link.seq != expected:
        yield f"#{expected} is missing; #{link.seq} follows"
    elif bytes(link.prev) != prev:
        yield f"#{link.seq} does not continue its predecessor"
    if digest_of(link.event) != bytes(link.digest):
        yield f"#{link.seq} (event {link.event_id}, {link.event.verb}) was altered after it was linked"
    if next_hash(bytes(link.prev), bytes(link.digest)) != bytes(link.hash):
        yield f"#{link.seq} has a hash that does not follow from its digest"


def export(
    withhold: frozenset[int] = frozenset(),
    *,
    show: frozenset[int] | None = None,
    first: int = 0,
    last: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Lines that a third party can verify alone; a withheld event leaves its digest, so that the rest still proves.
    With `show`, everything else is withheld; `first` and `last` are places in the chain."""
    links = EventLink.objects.filter(seq__gte=first).select_related("event").order_by("seq")
    if last is not None:
        links = links.filter(seq__lte=last)
    for link in links.iterator(chunk_size=2000):
        line: dict[str, Any] = {
            "seq": link.seq,
            "digest": bytes(link.digest).hex(),
            "prev": bytes(link.prev).hex(),
            "hash": bytes(link.hash).hex(),
        }
        hidden = link.event_id in withhold or (show is not None and link.event_id not in show)
        line["event"] = None if hidden else json.loads(canonical(link.event))
        yield line
