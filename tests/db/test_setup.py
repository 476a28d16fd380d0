import pytest
from django.db import connection


@pytest.mark.django_db
def test_the_database_is_postgresql_and_durable() -> None:
    with connection.cursor() as cursor:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            cursor.execute(f"SHOW {setting}")
            assert cursor.fetchone() == ("on",)
