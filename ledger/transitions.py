"""The one way a status moves: conditionally, with its event, in one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

from django.db import connection, models, transaction

from ledger.errors import StaleTransition
from ledger.models import Event, Scope
from ledger.services import Alarm, Change, record

UPDATE = 'UPDATE "$TABLE" SET $COLUMNS WHERE "$KEY" = %(row)s AND status = %(old_status)s'


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


@cache
def _update(model: type[Status], names: tuple[str, ...]) -> str:
    meta: Any = model._meta
    columns = ", ".join(f'"{meta.get_field(name).column}" = %(new_{name})s' for name in names)
    return UPDATE.replace("$TABLE", meta.db_table).replace("$COLUMNS", columns).replace("$KEY", meta.pk.column)
