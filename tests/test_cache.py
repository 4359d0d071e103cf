"""The cache of the rate limits: Redis, and this process' memory while Redis is out of reach."""

from __future__ import annotations

import time

import pytest
from django.core.cache import cache, caches

import facesite.cache
from recognition.gallery.breaker import Breaker
from recognition.models import ApiKey


@pytest.fixture
def with_redis(settings, redis_server, monkeypatch):
    """Put the cache of the settings before a real Redis."""
    monkeypatch.setattr(facesite.cache, "breaker", Breaker(rest=0.3))
    settings.CACHES = {
        "default": {"BACKEND": "facesite.cache.FallbackCache", "LOCATION": "redis,local"},
        "redis": {**settings.REDIS_CACHE, "LOCATION": redis_server.url},
        "local": {**settings.LOCAL_CACHE, "LOCATION": "test_cache"},
    }
    yield redis_server
    caches["local"].clear()


def timed(act) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def test_counts_go_to_redis(with_redis):
    assert cache.add("count", 1, 60) is True
    assert (cache.add("count", 1, 60), cache.incr("count"), cache.get("count")) == (False, 2, 2)
    assert caches["local"].get("count") is None
    assert cache.delete("count") is True


def test_redis_holds_no_pickle(with_redis):
    cache.set("thing", {"a": 1})
    client = with_redis.client()
    assert [client.get(key) for key in client.scan_iter()] == [b'{"a": 1}']


@pytest.mark.parametrize("loss", ["kill", "hang"])
def test_a_lost_redis_costs_one_short_wait_and_counting_goes_on(with_redis, loss):
    cache.add("count", 1, 60)
    getattr(with_redis, loss)()
    assert timed(lambda: cache.add("other", 1, 60)) < 0.25
    assert timed(lambda: [cache.incr("other") for _ in range(5)]) < 0.05
    assert cache.incr("other") == 7


def test_a_count_begins_anew_where_redis_is_lost_between_add_and_incr(with_redis):
    cache.add("count", 1, 60)
    with_redis.kill()
    assert [cache.incr("count"), cache.incr("count")] == [1, 2]


def test_redis_is_asked_again_after_a_rest(with_redis):
    cache.add("count", 1, 60)
    with_redis.kill()
    assert cache.incr("count") == 1
    with_redis.start()
    time.sleep(0.35)
    assert cache.add("count", 5, 60) is True
    assert caches["redis"].get("count") == 5


@pytest.mark.parametrize("loss", ["kill", "hang"])
def test_a_lost_redis_lifts_no_limit_and_delays_no_call(with_redis, settings, client, db, loss):
    settings.RATE_DEFAULT = "5/d"
    headers = {"X-API-Key": ApiKey.objects.create_key(name="t")[1]}
    assert client.get("/users", headers=headers).status_code == 200
    getattr(with_redis, loss)()
    facesite.cache.breaker = Breaker(rest=60)
    statuses: list[int] = []
    calls = [lambda: statuses.append(client.get("/users", headers=headers).status_code)] * 7
    times = [timed(call) for call in calls]
    assert statuses == [200] * 5 + [429] * 2
    assert sum(times) < 7 * 0.2  # the wait of one call, not of seven
