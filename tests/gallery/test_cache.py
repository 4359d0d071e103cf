"""The copy of the templates in a real Redis."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.gallery.follow import Follower
from recognition.gallery.rows import BLOCK
from tests.gallery.book import D, best, numbers
from tests.gallery.conftest import BLOCK_0, COPY


def test_load_without_a_copy_is_none(cache):
    assert cache.load() is None


def test_follow_copies_everybody_with_the_version(cache, book):
    cache.follow(book)
    version, blocks = cache.load()
    block = next(blocks)
    assert (version, block.slots.tolist()) == (2, [1, 2])
    assert block.vectors.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]


def test_follow_writes_changes_across_blocks(cache, book):
    cache.follow(book)
    book.put(BLOCK - 1, [0, 0, 1, 0])
    book.put(BLOCK, [0, 0, 0, 1])
    cache.follow(book)
    assert numbers(cache) == {1, 2, BLOCK - 1, BLOCK}


def test_follow_overwrites_who_was_removed(cache, book, redis_server):
    book.put(3, [0, 0, 1, 0])
    cache.follow(book)
    before = redis_server.client().get(BLOCK_0)
    book.remove(3)
    cache.follow(book)
    assert redis_server.client().get(BLOCK_0) != before
    assert numbers(cache) == {1, 2}


def test_no_template_stands_in_redis_in_the_clear(cache, book, redis_server):
    marked = np.array([0.123, 0.456, 0.789, 0.321], "<f4")
    book.put(3, marked.tolist())
    cache.follow(book)
    redis = redis_server.client()
    assert numbers(cache) == {1, 2, 3}
    assert marked.tobytes() not in redis.get(BLOCK_0) + b"".join(redis.hvals(COPY))


def test_a_copy_under_another_master_key_is_made_anew(cache, book, monkeypatch):
    cache.follow(book)
    monkeypatch.setattr(cache, "_secret", lambda epoch: bytes(32))
    assert best(Follower(book, cache), [0, 1, 0, 0]) == [2]
    cache.follow(book)
    assert numbers(cache) == {1, 2}


def test_who_saw_an_older_copy_writes_nothing(cache, book, redis_server):
    cache.follow(book)
    redis = redis_server.client()
    epoch, version = redis.hmget(COPY, "epoch", "version")
    for seen in ((epoch, b"1"), (b"another", version)):
        assert not cache._write(redis, seen, {}, {"version": 1})
    assert redis.hget(COPY, "version") == version
    assert cache._write(redis, (epoch, version), {}, {"version": 3})


def test_changes_in_many_blocks_are_written_a_few_at_a_time(cache, book, monkeypatch):
    cache.follow(book)
    monkeypatch.setattr("recognition.gallery.cache.TOUCHED", 1)
    for block in range(1, 5):
        book.put(block * BLOCK, [0, 0, 1, 0])
    cache.follow(book)
    assert numbers(cache) == {1, 2, *(block * BLOCK for block in range(1, 5))}


def test_a_follower_starts_from_the_copy_and_applies_what_came_since(cache, book):
    cache.follow(book)
    book.remove(1)
    book.put(3, [0, 0, 1, 0])
    follower = Follower(book, cache)
    assert best(follower, [0, 0, 1, 0]) == [3]
    assert best(follower, [1, 0, 0, 0]) != [1]


def test_a_copy_from_another_future_is_made_anew(cache, book, redis_server):
    cache.follow(book)
    redis_server.client().hset(COPY, "version", 99)
    assert best(Follower(book, cache), [0, 1, 0, 0]) == [2]
    cache.follow(book)
    assert cache.load()[0] == 2


def test_a_follower_that_starts_writes_what_another_process_could_not(cache, book):
    cache.follow(book)
    book.remove(1)
    Follower(book, cache).caught_up(1, D)
    assert numbers(cache) == {2}


def test_many_changes_at_once_are_written_as_a_whole(cache, book, monkeypatch):
    cache.follow(book)
    monkeypatch.setattr("recognition.gallery.cache.MANY", 1)
    book.put(3, [0, 0, 1, 0])
    book.remove(1)
    cache.follow(book)
    assert numbers(cache) == {2, 3}


def test_what_a_dead_redis_missed_is_made_up_for(cache, book, redis_server):
    cache.follow(book)
    redis_server.hang()
    book.remove(1)
    cache.follow(book)
    assert cache.behind
    redis_server.resume()
    cache._breaker._open_until = 0.0  # the few seconds it is left alone are over
    cache.catch_up(book)
    assert numbers(cache) == {2}


def test_a_copy_that_could_not_be_discarded_is_not_said_to_be(cache, book, redis_server, caplog):
    cache.follow(book)
    redis_server.hang()
    cache.forget()
    redis_server.resume()
    assert "the copy in Redis could not be discarded" in caplog.text
    cache._breaker._open_until = 0.0
    cache.forget()
    assert "the copy in Redis is discarded" in caplog.text and cache.load() is None


def test_only_one_process_makes_the_copy_anew(cache, book, redis_server):
    redis_server.client().set("facesite:test:rebuild", "another process", px=60_000)
    cache.follow(book)
    assert cache.behind
    assert cache.load() is None


@pytest.mark.parametrize(
    ("name", "value"), [("save", "60 1"), ("appendonly", "yes"), ("save", ""), ("appendonly", "no")]
)
def test_a_redis_that_writes_to_a_disk_is_warned_of(cache, book, redis_server, caplog, name, value):
    redis_server.client().config_set(name, value)
    cache.follow(book)
    warned = any("may stay, sealed" in record.getMessage() for record in caplog.records)
    assert warned == (value in ("60 1", "yes"))
