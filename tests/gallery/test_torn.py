"""A copy in Redis that is torn, lost in part or not ours is noticed, not used, and made anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from recognition.gallery.follow import CopyLostError, Follower
from tests.gallery.book import EMBEDDER, best, numbers
from tests.gallery.conftest import BLOCK_0, COPY


def flip(redis: Redis) -> None:
    raw = bytearray(redis.get(BLOCK_0))
    raw[91] ^= 1  # one bit of somebody's template
    redis.set(BLOCK_0, bytes(raw))


def swap(redis: Redis, first: int, second: int, size: int) -> None:
    raw = redis.get(BLOCK_0)
    redis.setrange(BLOCK_0, first, raw[second : second + size])
    redis.setrange(BLOCK_0, second, raw[first : first + size])


DAMAGE: dict[str, Callable[[Redis], object]] = {
    "a bit flipped": flip,
    "cut off within a row": lambda redis: redis.set(BLOCK_0, redis.get(BLOCK_0)[:93]),
    "cut off after the nonce": lambda redis: redis.set(BLOCK_0, redis.get(BLOCK_0)[:12]),
    "a row too many": lambda redis: redis.append(BLOCK_0, b"somebody else is written in here"),
    "words swapped": lambda redis: swap(redis, 48, 56, 8),
    "rows swapped": lambda redis: swap(redis, 32, 64, 32),
    "shifted by a row": lambda redis: redis.set(BLOCK_0, redis.get(BLOCK_0)[32:]),
    "another text": lambda redis: redis.set(BLOCK_0, b"nothing of ours"),
    "empty": lambda redis: redis.set(BLOCK_0, b""),
    "another type": lambda redis: redis.delete(BLOCK_0) and redis.lpush(BLOCK_0, b"x"),
    "block lost": lambda redis: redis.delete(BLOCK_0),
    "another end": lambda redis: redis.hset(COPY, f"{EMBEDDER}:0", "x"),
    "a field that names no block": lambda redis: redis.hset(COPY, "nothing", 1),
    "an embedder nobody knows": lambda redis: redis.hset(COPY, "other-v9:0", 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_copy_is_not_used_and_made_anew(cache, book, redis_server, damage):
    cache.follow(book)
    DAMAGE[damage](redis_server.client())
    with pytest.raises(CopyLostError):
        list(cache.load()[1])
    assert cache.load() is None
    cache.follow(book)
    assert numbers(cache) == {1, 2}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_process_that_starts_on_a_damaged_copy_answers_from_the_database(
    cache, book, redis_server, damage
):
    cache.follow(book)
    DAMAGE[damage](redis_server.client())
    follower = Follower(book, cache)
    assert (best(follower, [1, 0, 0, 0]), best(follower, [0, 1, 0, 0])) == ([1], [2])
    assert numbers(cache) == {1, 2}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_change_does_not_hide_the_damage(cache, book, redis_server, damage):
    cache.follow(book)
    DAMAGE[damage](redis_server.client())
    book.put(3, [0, 0, 1, 0])
    cache.follow(book)
    assert best(Follower(book, cache), [0, 1, 0, 0]) == [2]
    assert numbers(cache) == {1, 2, 3}


def test_a_version_that_is_no_number_makes_all_anew(cache, book, redis_server):
    cache.follow(book)
    redis_server.client().hset(COPY, "version", "x")
    assert best(Follower(book, cache), [0, 1, 0, 0]) == [2]
    assert numbers(cache) == {1, 2}


@pytest.mark.parametrize("lost", ["version", "epoch", "all", "another type"])
def test_a_copy_without_its_hash_is_made_anew(cache, book, redis_server, lost):
    cache.follow(book)
    redis = redis_server.client()
    redis.hdel(COPY, lost) if lost in ("version", "epoch") else redis.delete(COPY)
    if lost == "another type":
        redis.set(COPY, b"x")
    assert cache.load() is None
    cache.follow(book)
    assert numbers(cache) == {1, 2}


def test_a_copy_of_another_layout_is_not_read_and_leaves_nothing(cache, book, redis_server):
    redis = redis_server.client()
    redis.set("facesite:test:dlib-resnet-v1:0", b"rows of an older release")
    redis.mset({"facesite:test:version": 2, "facesite:test:epoch": "e"})
    assert cache.load() is None
    cache.follow(book)
    assert sorted(redis.scan_iter()) == sorted([COPY.encode(), BLOCK_0.encode()])


def test_a_copy_made_anew_while_it_is_read_is_not_used(cache, book, redis_server):
    cache.follow(book)
    _, blocks = cache.load()
    redis_server.client().delete(COPY)
    cache.follow(book)
    with pytest.raises(CopyLostError, match="anew"):
        next(blocks)
    assert numbers(cache) == {1, 2}


def test_a_writer_that_was_overtaken_writes_nothing(cache, book, monkeypatch):
    cache.follow(book)
    book.put(3, [0, 0, 1, 0])
    changes = book.changes

    def overtaken(**portion: int):
        monkeypatch.undo()
        cache.follow(book)  # another process, between this one's reading and its writing
        book.remove(3)
        return changes(**portion)

    monkeypatch.setattr(book, "changes", overtaken)
    cache.follow(book)
    assert numbers(cache) == {1, 2} and not cache.behind
