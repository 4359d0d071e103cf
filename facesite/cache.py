"""The cache that rate limits are counted in: Redis, and when that fails this process' memory."""

from __future__ import annotations

import logging
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from recognition.gallery.breaker import Breaker

log = logging.getLogger(__name__)

# One for the process: Django makes a cache object for each thread.
breaker = Breaker()
DAY = 24 * 60 * 60  # seconds; the longest period that a rate can name in one letter


def ping() -> None:
    """Raise RedisError where Redis does not answer; do not ask where it just failed."""
    if not breaker.closed:
        raise RedisError("It is left alone for a while.")
    try:
        get_redis_connection("redis").ping()
    except RedisError:
        breaker.failed()
        raise


class FallbackCache(BaseCache):
    """Ask the first cache named in ``LOCATION``, and the second while the first is out of reach.

    Limits go on holding then, for each process by itself; ``RATELIMIT_FAIL_OPEN`` would lift them.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._shared, self._own = location.split(",")

    def _ask(self, act: str, *args: Any, **options: Any) -> Any:
        if breaker.closed:
            try:
                return getattr(caches[self._shared], act)(*args, **options)
            except RedisError as error:
                breaker.failed()
                log.warning("Redis is left alone for a while, limits hold per process: %s", error)
        return getattr(caches[self._own], act)(*args, **options)

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        return bool(self._ask("add", key, value, timeout=timeout, version=version))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._ask("get", key, default, version=version)

    def set(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        self._ask("set", key, value, timeout=timeout, version=version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._ask("touch", key, timeout=timeout, version=version))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(self._ask("delete", key, version=version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        try:
            return int(self._ask("incr", key, delta, version=version))
        except ValueError:
            # Redis was lost between add and incr: this process begins to count.
            if not self.add(key, delta, timeout=DAY, version=version):
                return int(self._ask("incr", key, delta, version=version))
            return delta

    def clear(self) -> None:
        self._ask("clear")
