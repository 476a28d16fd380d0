"""The end of a turn: what became of a row, written in the transaction of its effect."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from ledger.services import plain, record
from ledger.statements import say
from work import hints
from work.models import Work
from work.outcomes import Done, Fail, Outcome, Retry, Unknown, Wait
from work.registry import HANDLERS, Handler

SETTLE = """
WITH settled AS (UPDATE work_work SET $COLUMNS WHERE id = %(id)s)
UPDATE work_attempt SET ended_at = %(now)s, outcome = %(outcome)s, error = %(attempt_error)s
WHERE work_id = %(id)s AND fence = %(fence)s RETURNING work_id
"""
ALL_DONE = """
WITH given AS (
  SELECT * FROM unnest(%(ids)s::bigint[], %(fences)s::bigint[], %(results)s::text[]) AS given(id, fence, result)
), settled AS (
  UPDATE work_work w SET status = 'done', result = given.result::jsonb, ended_at = %(now)s, error = '', reason = '',
    lease_until = NULL, hinted_at = NULL, hints = 0
  FROM given WHERE w.id = given.id
)
UPDATE work_attempt a SET ended_at = %(now)s, outcome = 'done' FROM given
WHERE a.work_id = given.id AND a.fence = given.fence RETURNING a.work_id
"""
ALL_WAIT = """
WITH given AS (
  SELECT * FROM unnest(%(ids)s::bigint[], %(fences)s::bigint[], %(run_ats)s::timestamptz[], %(hinted)s::timestamptz[],
    %(reasons)s::text[]) AS given(id, fence, run_at, hinted_at, reason)
), settled AS (
  UPDATE work_work w SET status = 'waiting', run_at = given.run_at, reason = given.reason, lease_until = NULL,
    hinted_at = given.hinted_at, hints = 0
  FROM given WHERE w.id = given.id
)
UPDATE work_attempt a SET ended_at = %(now)s, outcome = 'wait' FROM given
WHERE a.work_id = given.id AND a.fence = given.fence RETURNING a.work_id
"""
SOON = timedelta(seconds=10)  # a shorter pause is timed by the broker; a longer one is found by the sweeper


def settle(row: Work, outcome: Outcome, handler: Handler) -> None:
    """Write a turn's end. The caller holds the row under its fence, in a transaction."""
    outcome = _with_patience(row, outcome, handler)
    now = timezone.now()
    changes: dict[str, Any] = {"lease_until": None, "hinted_at": None, "hints": 0}
    match outcome:
        case Done(result):
            changes |= {"status": Work.Status.DONE, "result": plain(result), "ended_at": now, "error": "", "reason": ""}
        case Wait(until, reason):
            changes |= {"status": Work.Status.WAITING, "run_at": now if row.woken else until, "reason": reason[:200]}
        case Retry(error, after):
            pause = after if after is not None else handler.backoff.after(row.failures + 1)
            run_at = now if row.woken else now + pause
            changes |= {
                "status": Work.Status.QUEUED,
                "failures": row.failures + 1,
                "run_at": run_at,
                "error": error[:2000],
            }
        case Fail(error):
            changes |= {"status": Work.Status.FAILED, "error": error[:2000], "ended_at": now}
        case Unknown(known, choices):
            result = {"known": plain(known), "choices": choices}
            changes |= {"status": Work.Status.UNKNOWN, "result": result, "ended_at": now}
    if "ended_at" not in changes:
        _hint_later(row, changes, now)
    _write(row, changes, outcome, now)
    for name, value in changes.items():
        setattr(row, name, value)
    if isinstance(outcome, (Fail, Unknown)):
        _tell(row, outcome)
    if handler.on_end and "ended_at" in changes:
        handler.on_end(row, outcome)


def settle_all(done: Sequence[tuple[Work, Done]]) -> None:
    """`settle`, of turns that did what they were for. The caller holds the rows under their fences."""
    if not done:
        return
    results = [json.dumps(plain(outcome.result)) for _, outcome in done]
    about = {"ids": [row.pk for row, _ in done], "fences": [row.fence for row, _ in done], "results": results}
    say(ALL_DONE, {**about, "now": timezone.now()})
    for row, outcome in done:
        row.status, on_end = Work.Status.DONE, HANDLERS[row.kind].on_end
        if on_end:
            on_end(row, outcome)


def wait_all(waits: Sequence[tuple[Work, Wait]]) -> None:
    """`settle`, of turns of work without a deadline that will go on later. The caller holds them likewise."""
    if not waits:
        return
    now = timezone.now()
    found: list[dict[str, Any]] = []
    called: set[tuple[str, int]] = set()
    for row, outcome in waits:
        run_at = now if row.woken else outcome.until
        changes: dict[str, Any] = {"run_at": run_at, "hinted_at": None, "reason": outcome.reason[:200]}
        if run_at is not None:
            moment = row.kind, int(run_at.timestamp())
            if moment not in called or not HANDLERS[row.kind].together:  # whoever comes then takes the others along
                _hint_later(row, changes, now)
                called.add(moment)
        found.append(changes)
    columns = {
        "run_ats": [one["run_at"] for one in found],
        "hinted": [one["hinted_at"] for one in found],
        "reasons": [one["reason"] for one in found],
    }
    about = {"ids": [row.pk for row, _ in waits], "fences": [row.fence for row, _ in waits]}
    say(ALL_WAIT, {**about, **columns, "now": now})
    for row, _ in waits:
        row.status = Work.Status.WAITING


def _write(row: Work, changes: dict[str, Any], outcome: Outcome, now: datetime) -> None:
    """The row and its attempt, in one statement."""
    values = {name: json.dumps(value) if name == "result" else value for name, value in changes.items()}
    columns = ", ".join(f"{name} = %({name})s{'::jsonb' if name == 'result' else ''}" for name in changes)
    about: dict[str, Any] = {"id": row.pk, "fence": row.fence, "now": now, "outcome": type(outcome).__name__.lower()}
    about["attempt_error"] = str(getattr(outcome, "error", ""))[:2000]
    say(SETTLE.replace("$COLUMNS", columns), {**values, **about})


def _with_patience(row: Work, outcome: Outcome, handler: Handler) -> Outcome:
    """A row that failed too often, or whose deadline has passed, fails instead of going on."""
    if isinstance(outcome, Retry) and row.failures + 1 >= handler.max_failures:
        return Fail(f"gave up after {row.failures + 1} tries: {outcome.error}")
    if isinstance(outcome, (Retry, Wait)) and row.deadline and row.deadline <= timezone.now():
        return Fail(f"not done by its deadline: {getattr(outcome, 'error', '') or getattr(outcome, 'reason', '')}")
    return outcome


def _hint_later(row: Work, changes: dict[str, Any], now: datetime) -> None:
    run_at = changes.get("run_at")
    if run_at is not None and run_at - now <= SOON:
        changes["hinted_at"] = run_at
        hints.on_commit(row.pk, row.kind, delay=(run_at - now).total_seconds())
    elif row.deadline and (run_at is None or run_at > row.deadline):
        changes["run_at"] = row.deadline


def _tell(row: Work, outcome: Fail | Unknown) -> None:
    status = "failed" if isinstance(outcome, Fail) else "unknown"
    record(
        f"work.{status}",
        actor="system:work",
        scope=row.scope,
        subject=row.subject or f"work:{row.pk}",
        after={"kind": row.kind, "key": row.key, "error": row.error, "result": row.result},
    )
