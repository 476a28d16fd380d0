"""The one way a status moves: conditionally, with its event, in one transaction."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar
from uuid import uuid4

from django.db import connection, models, transaction

from ledger import hints
from ledger.errors import StaleTransition
from ledger.models import Event, Scope
from ledger.services import Alarm, Change, plain, record, request_id
from ledger.statements import say

UPDATE = 'UPDATE "$TABLE" SET $COLUMNS WHERE "$KEY" = %(row)s AND status = %(old_status)s'

UPDATE_ALL = """
WITH given AS (
  SELECT * FROM unnest(%(rows)s::bigint[], %(salts)s::uuid[], %(scopes)s::bigint[], %(subjects)s::text[],
    %(afters)s::text[]$ARRAYS) AS given(pk, salt, scope, subject, after$GIVEN)
), changed AS (
  UPDATE "$TABLE" there SET $COLUMNS FROM given WHERE there."$KEY" = given.pk AND there.status = %(old_status)s
  RETURNING there."$KEY" AS pk
), told AS (
  INSERT INTO ledger_event (at, txid, salt, verb, actor, scope_id, subject, before, after, reason, alarm, request_id)
  SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, given.salt, %(verb)s::text, %(actor)s::text,
    given.scope, given.subject, %(before)s::jsonb, given.after::jsonb, '', NULL, %(request)s::text
  FROM given JOIN changed ON changed.pk = given.pk ORDER BY given.pk
)
SELECT pk FROM changed
"""


class Status(models.Model):
    """A noun with a status. `TRANSITIONS` maps each status to those that may follow it."""

    NOUN: ClassVar[str]
    TRANSITIONS: ClassVar[Mapping[str, frozenset[str] | set[str]]]
    status: Any

    class Meta:
        abstract = True

    @property
    def subject(self) -> str:
        return f"{self.NOUN}:{self.pk}"


@contextmanager
def _together() -> Iterator[None]:
    """A transaction of its own, or the caller's without a savepoint: there are several moves a step, and what is stale
    has written nothing yet. Whatever else goes wrong after the status has moved must not be kept by a caller who
    goes on."""
    if not connection.in_atomic_block:
        with transaction.atomic():
            yield
        return
    try:
        yield
    except StaleTransition:
        raise
    except BaseException:
        transaction.set_rollback(True)
        raise


def transition(
    obj: Status,
    to: str,
    *,
    actor: str,
    reason: str = "",
    also: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    alarm: Alarm | None = None,
) -> Event:
    """Move `obj` to a status; zero rows means that somebody was faster, and nothing is changed.

    The move and its event are one statement: there are several of them a step.
    """
    old = obj.status
    if to not in obj.TRANSITIONS.get(old, ()):
        raise StaleTransition(f"{obj.subject} is {old}; it cannot become {to}")
    changes = {"status": to, **(also or {})}
    with _together():
        scope: Scope | None = getattr(obj, "scope", None)
        event = record(
            f"{obj.NOUN}.{to}",
            actor=actor,
            scope=scope,
            subject=obj.subject,
            before={"status": old},
            after={"status": to, **(after or {})},
            reason=reason,
            alarm=alarm,
            change=_change(obj, old, changes),
        )
    for name, value in changes.items():
        setattr(obj, name, value)
    return event


def _change(obj: Status, old: str, changes: Mapping[str, Any]) -> Change:
    """The conditional UPDATE, its values prepared as the ORM prepares them."""
    meta: Any = type(obj)._meta
    values = {"row": obj.pk, "old_status": old}
    for name, value in changes.items():
        field = meta.get_field(name)
        plain = value.prepare_database_save(field) if isinstance(value, models.Model) else value
        values[f"new_{name}"] = field.get_db_prep_save(plain, connection)
    return Change(_update(type(obj), tuple(changes)), values, stale=f"{obj.subject} is no longer {old}")


def transition_all(
    objs: Sequence[Status],
    to: str,
    *,
    actor: str,
    also: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
) -> list[Status]:
    """`transition` of many that have one status now, in one statement. Those that moved: whoever was faster with one of
    them has not kept the others."""
    old, model = objs[0].status, type(objs[0])
    if to not in model.TRANSITIONS.get(old, ()) or any(obj.status != old for obj in objs):
        raise StaleTransition(f"not all of them are {old}, or cannot become {to}")
    changes = [{"status": to, **more} for more in also]
    columns: dict[str, list[Any]] = {
        "rows": [obj.pk for obj in objs],
        "salts": [uuid4() for _ in objs],
        "scopes": [getattr(getattr(obj, "scope", None), "pk", None) for obj in objs],
        "subjects": [obj.subject for obj in objs],
        "afters": [json.dumps(plain({"status": to, **more})) for more in after],
    }
    for name in changes[0]:
        field: Any = model._meta.get_field(name)
        columns[f"new_{name}"] = [field.get_db_prep_save(change[name], connection) for change in changes]
    about = {"verb": f"{model.NOUN}.{to}", "actor": actor, "old_status": old, "before": json.dumps({"status": old})}
    with _together():
        sql = _update_all(model, tuple(changes[0]))
        found = {pk for (pk,) in say(sql, {**columns, **about, "request": request_id()})}
        hints.recorded()
    moved = [obj for obj in objs if obj.pk in found]
    for obj, change in zip(objs, changes, strict=True):
        if obj.pk in found:
            for name, value in change.items():
                setattr(obj, name, value)
    return moved


@cache
def _update_all(model: type[Status], names: tuple[str, ...]) -> str:
    meta: Any = model._meta
    fields = [meta.get_field(name) for name in names]
    arrays = "".join(f", %(new_{field.name})s::{field.db_type(connection)}[]" for field in fields)
    given = "".join(f", new_{field.name}" for field in fields)
    columns = ", ".join(f'"{field.column}" = given.new_{field.name}' for field in fields)
    sql = UPDATE_ALL.replace("$ARRAYS", arrays).replace("$GIVEN", given).replace("$COLUMNS", columns)
    return sql.replace("$TABLE", meta.db_table).replace("$KEY", meta.pk.column)


@cache
def _update(model: type[Status], names: tuple[str, ...]) -> str:
    meta: Any = model._meta
    columns = ", ".join(f'"{meta.get_field(name).column}" = %(new_{name})s' for name in names)
    return UPDATE.replace("$TABLE", meta.db_table).replace("$COLUMNS", columns).replace("$KEY", meta.pk.column)
