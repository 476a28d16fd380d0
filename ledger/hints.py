"""Best-effort nudges through Redis. Losing one costs a tenth of a second, never an event."""

import logging
import time
from functools import cache

import redis
from django.conf import settings
from django.db import connection, transaction

RECORDED = "breakglass:recorded"
LINKED_GROUP = "ledger"
QUIET = 0.02
logger = logging.getLogger(__name__)


class _Last:
    at = 0.0


_last = _Last()


@cache
def client() -> "redis.Redis[bytes]":
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


def recorded() -> None:
    """Wake the linker once when this transaction commits, however many events it holds."""
    if not any(entry[1] is _publish for entry in connection.run_on_commit):
        transaction.on_commit(_publish, robust=True)


def _publish() -> None:
    """Not again within QUIET: the linker, once woken, looks again by itself after `runner.GATHER`, which is longer."""
    now = time.monotonic()
    if now - _last.at < QUIET:
        return
    _last.at = now
    try:
        client().publish(RECORDED, b"1")
    except redis.RedisError:
        logger.debug("no hint for the linker: Redis does not answer")
