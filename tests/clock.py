"""PostgreSQL's clock, moved: timers are rows, and what is due is asked of the database, so nothing has to be slept.

Functions of the same names stand before its own in the search path of this connection; the columns' defaults, which
were bound when the tables were made, keep the true time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection

NAMES = ("now", "statement_timestamp", "transaction_timestamp", "clock_timestamp")


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('moved.by', %s, false)", [f"{self.ahead.total_seconds()} seconds"])


@contextmanager
def moved_clock() -> Iterator[Clock]:
    clock = Clock()
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS moved")
        for name in NAMES:
            kind = "VOLATILE" if name == "clock_timestamp" else "STABLE"
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION moved.{name}() RETURNS timestamptz LANGUAGE sql {kind} AS "
                f"$$ SELECT pg_catalog.{name}() + current_setting('moved.by')::interval $$"
            )
        clock.move()
        cursor.execute("SET search_path = moved, pg_catalog, public")
    try:
        yield clock
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET search_path")
