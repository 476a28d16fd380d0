"""Statements that are said several times a step: composed once, and planned by PostgreSQL once a connection.

The ORM composes its statement anew each time, and the server parses and plans it anew: for the few that every turn of
the engine needs, that was most of what a turn cost.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.models.expressions import DatabaseDefault

M = TypeVar("M", bound=models.Model)
BOUND_BY_SERVER: Any = ServerBindingCursor  # the stubs know psycopg 2's
Values = Mapping[str, Any] | Sequence[Any]


def say(sql: str, values: Values) -> list[tuple[Any, ...]]:
    """What the statement returns. Its values are bound by the server, so that psycopg can prepare it.

    Behind a pooler that gives each transaction another connection, `DATABASE_PREPARE=off`.
    """
    with connection.cursor() as cursor:
        cursor.cursor = BOUND_BY_SERVER(connection.connection)
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


class Shape(Generic[M]):
    """A model's columns by name, never `*`: a prepared statement does not survive that its result changes."""

    def __init__(self, model: type[M]) -> None:
        self.model = model
        self.names = [field.attname for field in model._meta.concrete_fields]

    def columns(self, of: str) -> str:
        """To select them from a table or its alias."""
        return ", ".join(f'{of}."{field.column}"' for field in self.model._meta.concrete_fields)

    def insert(self, obj: M, tail: str = "") -> tuple[M, bool]:
        """Write an object as the ORM would, in one statement that may say more than it can (`ON CONFLICT …`, in which
        `there` is the row that there is). What is in the database then, and whether it is new."""
        values: dict[str, Any] = {}
        for field in self.model._meta.concrete_fields:
            value = field.pre_save(obj, add=True)
            if not isinstance(value, DatabaseDefault) and not (field.primary_key and value is None):
                values[str(field.column)] = field.get_db_prep_save(value, connection)
        table = self.model._meta.db_table
        columns, places = ", ".join(f'"{name}"' for name in values), ", ".join(f"%({name})s" for name in values)
        sql = f"INSERT INTO {table} AS there ({columns}) VALUES ({places}) {tail} RETURNING {self.columns('there')}"  # noqa: S608
        row = say(f"{sql}, there.xmax = 0", values)[0]
        return self.build(iter(row)), bool(row[-1])

    @cached_property
    def _readers(self) -> list[tuple[int, Callable[..., Any]]]:
        fields = enumerate(self.model._meta.concrete_fields)
        return [(index, reader) for index, field in fields for reader in field.get_db_converters(connection)]

    def build(self, row: Iterator[Any]) -> M:
        """The object that the ORM would make of its columns, which are the next ones of the row."""
        values = list(islice(row, len(self.names)))
        for index, read in self._readers:
            values[index] = read(values[index], None, connection)
        return self.model.from_db(connection.alias, self.names, values)
