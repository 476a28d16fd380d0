"""`record`: the one way an event is written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, models
from structlog.contextvars import get_contextvars

from ledger import hints
from ledger.errors import Invalid, StaleTransition
from ledger.models import Event, Scope
from ledger.statements import say

LONGEST_REASON = 10_000
LARGEST_INT = 2**53 - 1
PLAIN_COLUMNS = ("salt", "verb", "actor", "scope_id", "subject", "reason", "request_id")
JSON_COLUMNS = ("before", "after", "alarm")
INSERT = """
INSERT INTO ledger_event (at, txid, salt, verb, actor, scope_id, subject, before, after, reason, alarm, request_id)
SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, %(salt)s::uuid, %(verb)s::text, %(actor)s::text,
  %(scope_id)s::bigint, %(subject)s::text, %(before)s::jsonb, %(after)s::jsonb, %(reason)s::text, %(alarm)s::jsonb,
  %(request_id)s::text $FROM
RETURNING id, at, txid
"""
INSERT_ALL = """
INSERT INTO ledger_event (at, txid, salt, verb, actor, scope_id, subject, before, after, reason, alarm, request_id)
SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, one.salt, one.verb, one.actor, one.scope, one.subject,
  NULL, one.after::jsonb, '', NULL, %(request_id)s::text
FROM unnest(%(salts)s::uuid[], %(verbs)s::text[], %(actors)s::text[], %(scopes)s::bigint[], %(subjects)s::text[],
  %(afters)s::text[]) WITH ORDINALITY AS one(salt, verb, actor, scope, subject, after, n) ORDER BY one.n
RETURNING id
"""
RECORD = INSERT.replace("$FROM", "")
RECORD_CHANGE = "WITH changed AS ($CHANGE RETURNING 1) " + INSERT.replace("$FROM", "FROM changed")


@dataclass(frozen=True)
class Alarm:
    """Carried by an event from any floor; incidents makes the Alert."""

    key: str
    severity: str
    cleared: bool = False
    title: str = ""


def alarm(key: str, severity: str, cleared: bool = False, title: str = "") -> Alarm:
    return Alarm(key=key, severity=severity, cleared=cleared, title=title)


def plain(value: Any) -> Any:
    """JSON with one spelling for each value: no floats, large integers as text, so that hashes agree anywhere."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")  # PostgreSQL's JSON holds no NUL
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_INT else str(value)
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (bytes, memoryview)):
        return "0x" + bytes(value).hex()
    if isinstance(value, models.Model):
        return getattr(value, "subject", f"{value._meta.model_name}:{value.pk}")
    raise TypeError(f"an event cannot hold a {type(value).__name__}")


@dataclass(frozen=True)
class Change:
    """An UPDATE of one row, written together with the event that tells of it. Its values are not called as columns of
    an event are."""

    sql: str
    values: Mapping[str, Any]
    stale: str  # what is so if there is no such row any more


def record(
    verb: str,
    *,
    actor: str,
    scope: Scope | None = None,
    subject: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    alarm: Alarm | None = None,
    change: Change | None = None,
) -> Event:
    """Write an event in the transaction of the change that it tells of, or with that change if it is given here."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"{verb} must be recorded in the transaction of its change")
    if len(reason) > LONGEST_REASON and actor.startswith(("user:", "token:")):
        raise Invalid("reason", f"is longer than {LONGEST_REASON} characters", "what matters of it")
    event = Event(
        salt=uuid4(),
        verb=verb,
        actor=actor,
        scope=scope,
        subject=subject,
        before=plain(before),
        after=plain(after),
        reason=plain(reason),
        alarm=plain(asdict(alarm)) if alarm else None,
        request_id=request_id(),
    )
    _insert(event, change)
    hints.recorded()
    return event


@dataclass(frozen=True)
class Entry:
    """An event that is written along with others."""

    verb: str
    actor: str
    scope: Scope | None
    subject: str
    after: Mapping[str, Any]


def record_all(entries: Sequence[Entry]) -> None:
    """`record`, of several in one statement and in this order."""
    if not connection.in_atomic_block:
        raise RuntimeError("events must be recorded in the transaction of their change")
    if not entries:
        return
    columns: dict[str, list[Any]] = {
        "salts": [uuid4() for _ in entries],
        "verbs": [one.verb for one in entries],
        "actors": [one.actor for one in entries],
        "scopes": [one.scope.pk if one.scope else None for one in entries],
        "subjects": [one.subject for one in entries],
        "afters": [json.dumps(plain(one.after)) for one in entries],
    }
    say(INSERT_ALL, {**columns, "request_id": request_id()})
    hints.recorded()


def request_id() -> str:
    return str(get_contextvars().get("request_id", ""))[:64]


def _insert(event: Event, change: Change | None) -> None:
    """As the model would write it; nothing is written if it tells of a change that finds its row no more."""
    values = {name: getattr(event, name) for name in PLAIN_COLUMNS}
    for name in JSON_COLUMNS:
        value = getattr(event, name)
        values[name] = None if value is None else json.dumps(value)
    sql = RECORD_CHANGE.replace("$CHANGE", change.sql) if change else RECORD
    found = say(sql, {**values, **(change.values if change else {})})
    if change and not found:
        raise StaleTransition(change.stale)
    event.pk, event.at, event.txid = found[0]
    event._state.adding, event._state.db = False, connection.alias
