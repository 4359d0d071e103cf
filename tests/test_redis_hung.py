"""A Redis that hangs costs everybody who asks it at that moment one time-out, and nobody two."""

from __future__ import annotations

import threading
import time

import pytest
from django.core.cache import cache, caches
from django_redis import get_redis_connection
from redis.exceptions import RedisError

import facesite.cache
from recognition.gallery.breaker import Breaker
from recognition.gallery.cache import TemplateCache
from recognition.gallery.follow import CopyLostError
from tests.gallery.book import EMBEDDER, Book, D
from tests.gallery.conftest import secret

TIMEOUT = 0.2  # seconds; the setting REDIS_TIMEOUT
MARGIN = 0.15  # of a busy machine; a second time-out would not fit into it
THREADS = 8


@pytest.fixture
def copy(settings, redis_server, monkeypatch) -> TemplateCache:
    """Return a copy of two people in a Redis that also counts requests."""
    breaker = Breaker(rest=60)
    monkeypatch.setattr(facesite.cache, "breaker", breaker)
    settings.REDIS_URL = redis_server.url
    settings.CACHES = {
        "default": {"BACKEND": "facesite.cache.FallbackCache", "LOCATION": "redis,local"},
        "redis": {**settings.REDIS_CACHE, "LOCATION": redis_server.url},
        "local": {**settings.LOCAL_CACHE, "LOCATION": "test_hung"},
    }
    copy = TemplateCache(
        lambda: get_redis_connection("redis"),
        "facesite:test",
        {EMBEDDER: D},
        breaker,
        secret=secret,
    )
    yield copy
    caches["local"].clear()


def ask_everything(copy: TemplateCache, book: Book) -> None:
    """Ask Redis in every way in which a request does."""
    cache.add("count", 1, 60)
    cache.incr("count")
    copy.catch_up(book)
    copy.load()
    copy.follow(book)
    try:
        facesite.cache.ping()
    except RedisError as error:
        assert "left alone" in str(error)


def test_threads_that_meet_a_hung_redis_together_wait_once_each(copy, redis_server):
    book = Book()
    book.put(1, [1, 0, 0, 0])
    ask_everything(copy, book)
    start, waits = threading.Barrier(THREADS), []

    def request() -> None:
        start.wait()
        started = time.perf_counter()
        ask_everything(copy, book)
        waits.append(time.perf_counter() - started)

    redis_server.hang()
    book.put(2, [0, 1, 0, 0])
    threads = [threading.Thread(target=request) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waits) == THREADS and max(waits) < TIMEOUT + MARGIN
    request_alone = time.perf_counter()
    ask_everything(copy, book)
    assert time.perf_counter() - request_alone < 0.05 and copy.behind


@pytest.mark.parametrize("act", ["load", "follow", "ping", "read"])
def test_each_way_of_asking_waits_once(copy, redis_server, act):
    book = Book()
    book.put(1, [1, 0, 0, 0])
    copy.follow(book)
    _, blocks = copy.load()
    book.put(2, [0, 1, 0, 0])
    redis_server.hang()
    acts = {
        "load": copy.load,
        "follow": lambda: copy.follow(book),
        "ping": lambda: pytest.raises(RedisError, facesite.cache.ping),
        "read": lambda: pytest.raises(CopyLostError, next, blocks),
    }
    started = time.perf_counter()
    acts[act]()
    assert time.perf_counter() - started < TIMEOUT + MARGIN


def test_a_redis_that_hangs_during_a_rebuild_is_waited_for_once(copy, redis_server):
    book = Book()
    book.put(1, [1, 0, 0, 0])
    everybody = book.all_templates

    def hang():
        redis_server.hang()
        started.append(time.perf_counter())
        return everybody()

    started: list[float] = []
    book.all_templates = hang
    copy.follow(book)
    assert time.perf_counter() - started[0] < TIMEOUT + MARGIN
    assert copy.behind and copy.load() is None
