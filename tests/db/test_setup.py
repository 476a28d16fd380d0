from pathlib import Path

import pytest
from django.db import connection

from config import embedded
from tests.migrated import HURRIED


@pytest.mark.django_db
def test_the_database_is_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version()")
        assert cursor.fetchone()[0].startswith("PostgreSQL 18")


def test_only_the_suites_own_database_is_in_a_hurry() -> None:
    """What `up`, the benchmarks and the crash tests start keeps what it said it kept."""
    command = embedded.postgres_command(Path("data"), 5432)
    settings = {part.partition("=")[0] for part in HURRIED if "=" in part}
    assert settings == {"fsync", "synchronous_commit", "full_page_writes"}
    assert not [part for part in command if part.partition("=")[0] in settings]
