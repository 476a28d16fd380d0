"""The cache holds rate limits only. When Redis is away people must still be able to log in, so it forgives."""

import logging
from functools import cache
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)
AWAY = (RedisConnectionError, RedisTimeoutError)


class KeptClient(RedisCacheClient):
    """Django makes a client for every call, which takes longer than the call; one may be used by all threads."""

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        kept: dict[bool, Any] = self.__dict__.setdefault("kept", {})
        if write not in kept:
            kept[write] = super().get_client(key, write=write)
        return kept[write]


@cache
def client_of(server: str) -> KeptClient:
    """One a process, with its connections: Django keeps caches by context, and every request has one of its own, so
    that each made a connection to Redis."""
    return KeptClient([server])


class ForgivingRedisCache(RedisCache):
    """As if empty while Redis does not answer."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._cache = client_of(server)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except AWAY:
            logger.warning("the cache does not answer; rate limits are not counted")
            return default

    def set(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().set(*args, **kwargs)
        except AWAY:
            logger.warning("the cache does not answer; rate limits are not counted")

    def add(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().add(*args, **kwargs))
        except AWAY:
            return True

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return bool(super().delete(*args, **kwargs))
        except AWAY:
            return False

    def counted(self, key: str, before: str, seconds: int) -> tuple[int, int]:
        """One more under `key`, which lasts for so many seconds: its count, and that under `before`; one round trip."""
        try:
            with self._cache.get_client(key, write=True).pipeline(transaction=False) as asked:
                asked.incr(self.make_and_validate_key(key))
                asked.expire(self.make_and_validate_key(key), seconds)
                asked.get(self.make_and_validate_key(before))
                now, _, earlier = asked.execute()
        except AWAY:
            logger.warning("the cache does not answer; rate limits are not counted")
            return 0, 0
        return int(now), int(earlier or 0)
