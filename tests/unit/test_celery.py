"""A Redis that dies under a worker is a lost connection, never the worker's end."""

import pytest

from config.celery import app


def test_what_is_asked_of_a_closed_channel_fails_as_a_lost_connection() -> None:
    connection = app.connection_for_read()
    channel = connection.default_channel
    connection.collect()  # as a worker does when its broker is gone; what it had in hand it then gives back
    with pytest.raises(connection.connection_errors, match="is closed"), channel.conn_or_acquire() as redis:
        redis.ping()
