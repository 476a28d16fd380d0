"""Verbs on work: enqueue, wake, claim, settle, sweep, cancel."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from ledger.models import Scope
from ledger.services import plain, record
from ledger.statements import Shape, say
from work import faults, hints
from work.models import Work
from work.outcomes import Done, Fail
from work.registry import HANDLERS, is_gathered, queue_of

logger = logging.getLogger(__name__)
ROW = Shape(Work)

# statement_timestamp, not now(): what a transaction enqueues is due in it. Not clock_timestamp: no index serves that.
DUE = """(
    (status IN ('queued', 'waiting') AND run_at <= statement_timestamp())
    OR (status = 'running' AND lease_until < statement_timestamp())
)"""

# One statement: the row under a new fence, the attempt that it was taken from ended, the new one begun.
CLAIMING = """
WITH taken AS (
  UPDATE work_work w SET status = 'running', fence = fence + 1, woken = false, hinted_at = NULL, hints = 0,
    failures = failures + (w.status = 'running')::int,
    lease_until = statement_timestamp() + make_interval(secs => (%(leases)s::jsonb ->> w.kind)::float)
  WHERE id = $WHICH RETURNING w.*
), lost AS (
  UPDATE work_attempt SET ended_at = statement_timestamp(), outcome = 'lost'
  WHERE work_id IN (SELECT id FROM taken) AND ended_at IS NULL
), begun AS (
  INSERT INTO work_attempt (work_id, fence, worker, started_at, outcome, error)
  SELECT id, fence, %(worker)s, statement_timestamp(), '', '' FROM taken
)
SELECT $COLUMNS FROM taken
""".replace("$COLUMNS", ROW.columns("taken"))
THIS = "SELECT id FROM work_work WHERE id = %(id)s AND %(leases)s::jsonb ? kind AND $DUE FOR UPDATE SKIP LOCKED"
CLAIM = CLAIMING.replace("$WHICH", f"({THIS.replace('$DUE', DUE)})")

# What is due of a crowd and was not hinted lately: nobody else is on the way to it. A hint that is older may be lost,
# with its broker or its worker; if it is not, whoever comes by it finds nothing to do. `hinted`: that is no matter.
NEXT = """
SELECT id FROM work_work WHERE kind = %(kind)s AND status IN ('queued', 'waiting')
  AND run_at <= statement_timestamp()
  AND (%(hinted)s OR hinted_at IS NULL OR hinted_at < statement_timestamp() - interval '10 seconds')
ORDER BY run_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""
CLAIM_NEXT = CLAIMING.replace("$WHICH", f"ANY (ARRAY({NEXT}))")
HINT_NEXT = """
UPDATE work_work SET hinted_at = statement_timestamp(), hints = hints + 1 WHERE id = ($WHICH) RETURNING id
""".replace("$WHICH", NEXT)

ENQUEUE = """
INSERT INTO work_work (kind, key, subject, payload, scope_id, actor, status, run_at, deadline, hinted_at,
  fence, woken, failures, hints, error, reason, result, created_at)
VALUES (%(kind)s, %(key)s, %(subject)s, %(payload)s::jsonb, %(scope)s, %(actor)s, 'queued',
  COALESCE(%(run_at)s::timestamptz, statement_timestamp()), %(deadline)s,
  CASE WHEN %(hinted)s THEN statement_timestamp() END,
  0, false, 0, 0, '', '', '{}', statement_timestamp())
ON CONFLICT (kind, key) DO NOTHING RETURNING $COLUMNS
""".replace("$COLUMNS", ROW.columns("work_work"))

ENQUEUE_MANY = """
INSERT INTO work_work (kind, key, subject, payload, scope_id, actor, status, run_at, hinted_at,
  fence, woken, failures, hints, error, reason, result, created_at)
SELECT row.kind, row.key, row.subject, row.payload::jsonb, row.scope, row.actor, 'queued',
  COALESCE(row.run_at, statement_timestamp()),
  CASE WHEN row.run_at IS NULL
    AND row_number() OVER (PARTITION BY row.kind, row.run_at IS NULL ORDER BY row.n) <= %(hinted)s
    THEN statement_timestamp() END, 0, false, 0, 0, '', '', '{}', statement_timestamp()
FROM unnest(%(kinds)s::text[], %(keys)s::text[], %(subjects)s::text[], %(payloads)s::text[], %(scopes)s::bigint[],
  %(actors)s::text[], %(run_ats)s::timestamptz[])
  WITH ORDINALITY AS row(kind, key, subject, payload, scope, actor, run_at, n)
ON CONFLICT (kind, key) DO NOTHING RETURNING id, kind, hinted_at IS NOT NULL
"""
HINTED = 8  # of many rows at once so many are hinted with their commit; the sweeper finds the others

SWEEP = """
-- Materialized, for a plan may read a subquery once for each row outside, and each time find others that are unlocked.
WITH few AS MATERIALIZED (
  SELECT id FROM work_work WHERE $DUE AND $OF AND (
    hinted_at IS NULL
    OR hinted_at < statement_timestamp() - make_interval(secs => least(60, 4 * 2 ^ least(greatest(hints - 1, 0), 4)))
  ) ORDER BY run_at LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE work_work w SET hinted_at = statement_timestamp(), hints = hints + 1 FROM few WHERE w.id = few.id
RETURNING w.id, w.kind
""".replace("$DUE", DUE)
SWEEP_CROWD = SWEEP.replace("$OF", "kind = %s AND status <> 'running'")
SWEEP_OTHERS = SWEEP.replace("$OF", "NOT (kind = ANY(%s) AND status <> 'running')")


def enqueue(
    kind: str,
    *,
    key: str,
    actor: str,
    subject: str = "",
    payload: Mapping[str, Any] | None = None,
    scope: Scope | None = None,
    run_at: datetime | None = None,
    deadline: datetime | None = None,
    sparing: bool = False,
) -> Work:
    """Write down work to be done, in the caller's transaction. The same key gives the same row, never a second one.

    `sparing`: it may come many times a second, and its kind is a crowd; then few are hinted.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"{kind} must be enqueued in the transaction of what calls for it")
    hinted = run_at is None and (not sparing or hints.SPARING.wants(kind))
    values = {
        "kind": kind,
        "key": key,
        "subject": subject,
        "hinted": hinted,
        "payload": json.dumps(plain(payload or {})),
        "scope": scope.pk if scope else None,
        "actor": actor,
        "run_at": run_at,
        "deadline": deadline,
    }
    made = say(ENQUEUE, values)
    if not made:
        return Work.objects.get(kind=kind, key=key)
    row = ROW.build(iter(made[0]))
    if hinted:
        hints.on_commit(row.pk, kind)
    return row


@dataclass(frozen=True)
class Item:
    """What differs between rows that are enqueued together."""

    kind: str
    key: str
    subject: str
    payload: Mapping[str, Any]
    scope: Scope | None
    actor: str
    run_at: datetime | None = None


def enqueue_many(items: Sequence[Item]) -> None:
    """`enqueue` for many rows in one statement."""
    if not connection.in_atomic_block:
        raise RuntimeError("work must be enqueued in the transaction of what calls for it")
    values = {
        "kinds": [item.kind for item in items],
        "keys": [item.key for item in items],
        "subjects": [item.subject for item in items],
        "payloads": [json.dumps(plain(item.payload)) for item in items],
        "scopes": [item.scope.pk if item.scope else None for item in items],
        "actors": [item.actor for item in items],
        "run_ats": [item.run_at for item in items],
        "hinted": HINTED,
    }
    for work_id, kind, hinted in say(ENQUEUE_MANY, values) if items else ():
        if hinted:
            hints.on_commit(work_id, kind)


def repeat(kind: str, *, key: str, actor: str, payload: Mapping[str, Any] | None = None) -> None:
    """Work that is done over and over has one row: made, woken, or begun anew where its last turn has ended.

    For what is committed already: a row that is due and not claimed yet will see it, and is left alone.
    """
    due = Work.objects.filter(kind=kind, key=key, status=Work.Status.QUEUED, run_at__lte=Now())
    if due.exists():
        return
    row = Work.objects.select_for_update().filter(kind=kind, key=key).first()
    if row is None:
        enqueue(kind, key=key, actor=actor, payload=payload)
    elif row.status in Work.OPEN:
        wake(kind, key)
    else:
        Work.objects.filter(pk=row.pk).update(
            status=Work.Status.QUEUED, failures=0, run_at=Now(), ended_at=None, error="", hinted_at=timezone.now()
        )
        hints.on_commit(row.pk, kind)


@transaction.atomic
def wake(kind: str, key: str) -> bool:
    """A waiting row becomes due now; one that is running will not fall asleep at the end of this turn."""
    row = Work.objects.select_for_update().filter(kind=kind, key=key).first()
    if row is None or row.status not in Work.OPEN:
        return False
    if row.status == Work.Status.RUNNING:
        Work.objects.filter(pk=row.pk).update(woken=True)
        return True
    Work.objects.filter(pk=row.pk).update(run_at=Now(), status=Work.Status.QUEUED, hinted_at=timezone.now())
    hints.on_commit(row.pk, kind)
    return True


def claim(work_id: int, worker: str) -> Work | None:
    """Take a row that is due, or whose lease ran out; nobody else can until our lease runs out."""
    leases = json.dumps({kind: handler.lease for kind, handler in HANDLERS.items()})
    taken = say(CLAIM, {"id": work_id, "leases": leases, "worker": worker})
    return ROW.build(iter(taken[0])) if taken else None


def claim_next(kind: str, worker: str, most: int) -> list[Work]:
    """`claim`, of whichever rows of a crowd come first and are nobody's. What is done together need not wait for its
    hint, which then finds nothing to do."""
    leases, hinted = json.dumps({kind: HANDLERS[kind].lease}), HANDLERS[kind].together is not None
    taken = say(CLAIM_NEXT, {"kind": kind, "leases": leases, "worker": worker, "most": most, "hinted": hinted})
    return [ROW.build(iter(row)) for row in taken]


def crowd_of(work_id: int) -> str | None:
    """The kind of a row that somebody else has done, if there may be more of it that are done together."""
    kind = Work.objects.filter(pk=work_id).values_list("kind", flat=True).first()
    return kind if kind in HANDLERS and HANDLERS[kind].together else None


def hint_next(kind: str) -> None:
    """Whoever stops in the middle of a crowd leaves a hint for somebody to go on."""
    for (work_id,) in say(HINT_NEXT, {"kind": kind, "most": 1, "hinted": False}):
        hints.send(work_id, queue_of(kind))


@transaction.atomic
def cancel(kind: str, key: str) -> bool:
    """Stop what has not begun, or fence off what is running: it cannot write any more."""
    return bool(
        Work.objects.filter(kind=kind, key=key, status__in=Work.OPEN).update(
            status=Work.Status.CANCELLED, ended_at=timezone.now(), lease_until=None
        )
    )


@transaction.atomic
def end(kind: str, *, keys: Iterable[str], outcome: Done | Fail) -> int:
    """Rows that another row's turn did, or saw fail, along with its own. One that is running finds that out itself."""
    changes: dict[str, Any] = {"status": Work.Status.DONE, "error": "", "ended_at": timezone.now()}
    if isinstance(outcome, Done):
        changes["result"] = plain(outcome.result)
    else:
        changes |= {"status": Work.Status.FAILED, "error": outcome.error[:2000]}
    open_still = (Work.Status.QUEUED, Work.Status.WAITING)
    return Work.objects.filter(kind=kind, key__in=list(keys), status__in=open_still).update(**changes)


@transaction.atomic
def revive(kind: str, key: str, *, actor: str) -> bool:
    """A person decided that an ended row is to be tried again, with fresh patience."""
    row = Work.objects.select_for_update().filter(kind=kind, key=key).first()
    if row is None or row.status not in (Work.Status.FAILED, Work.Status.UNKNOWN, Work.Status.CANCELLED):
        return False
    Work.objects.filter(pk=row.pk).update(
        status=Work.Status.QUEUED, failures=0, run_at=Now(), ended_at=None, error="", hinted_at=timezone.now()
    )
    record(
        "work.revived",
        actor=actor,
        scope=row.scope,
        subject=row.subject or f"work:{row.pk}",
        before={"status": row.status, "error": row.error},
        after={"kind": row.kind, "key": row.key},
    )
    hints.on_commit(row.pk, kind)
    return True


def sweep(limit: int = 500) -> int:
    """Find what is due, whose lease ran out and what was never hinted; hint it. Losing hints costs seconds.

    Of what waits in a crowd a few are enough: whoever comes for them goes on with the others. None waits for another.
    """
    crowds = [kind for kind, handler in HANDLERS.items() if handler.crowd]
    due: list[tuple[int, str]] = []
    called: list[str] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SWEEP_OTHERS, [crowds, limit])
        due += cursor.fetchall()  # with those of crowds whose worker died: only their own hint leads to them
        for kind in crowds:
            cursor.execute(SWEEP_CROWD, [kind, min(limit, HINTED)])
            found = cursor.fetchall()
            if found and is_gathered(kind):
                called.append(kind)
            else:
                due += found
    faults.point("work.swept")
    count = 0
    for work_id, kind in due:
        count += 1
        if not hints.send(work_id, queue_of(kind)):
            return count
    for kind in called:
        count += 1
        if not hints.call(kind):
            break
    return count
