"""Fixtures for every floor."""

import sys
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations


def _quick_flush(
    _self: Any, _style: Any, tables: Any, *, reset_sequences: bool = False, allow_cascade: bool = False
) -> list[str]:
    """Empty only the tables that hold something: TRUNCATE takes a second for all of them, this takes milliseconds.

    `replica` switches off the append-only triggers and the foreign keys, for these statements and only in tests.
    """
    if not tables:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"(SELECT '{table}' FROM \"{table}\" LIMIT 1)" for table in tables))
        filled = [name for (name,) in cursor.fetchall()]
    deletions = [f'DELETE FROM "{name}"' for name in filled]
    return ["SET LOCAL session_replication_role = replica", *deletions, "SET LOCAL session_replication_role = origin"]


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> None:
    DatabaseOperations.sql_flush = _quick_flush  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def no_limits_reached() -> None:
    """The cache counts tries to log in; one test's wrong passwords must not slow down the next one's login."""
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def recursion_as_in_production() -> None:
    """safe-eth-py, which only tests import, raises the limit to 100,000, where deep JSON overflows the C stack."""
    sys.setrecursionlimit(1000)
