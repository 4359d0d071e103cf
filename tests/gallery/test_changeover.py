"""A copy in Redis that was left half-way from one embedder to another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis, RedisError

from recognition.gallery.breaker import Breaker
from recognition.gallery.cache import TemplateCache
from recognition.gallery.follow import Follower
from recognition.gallery.rows import BLOCK
from tests.gallery.book import EMBEDDER, Book, D, best
from tests.gallery.conftest import secret

FORMER = "facenet-vggface2"
PEOPLE = {1: [1, 0, 0, 0], BLOCK + 1: [0, 1, 0, 0]}  # in two blocks


class ChangingBook(Book):
    """A source whose people all have templates of one embedder."""

    def templates(self, numbers):
        return (replace(block, embedder=self.embedder) for block in super().templates(numbers))

    def put_all(self, embedder: str) -> None:
        self.embedder = embedder
        for number, vector in PEOPLE.items():
            self.put(number, vector)


@pytest.fixture
def cache(redis_server, monkeypatch) -> TemplateCache:
    """Return a copy into which one block is written at a time."""
    monkeypatch.setattr("recognition.gallery.cache.TOUCHED", 1)
    client, dimensions = Redis(port=redis_server.port), {EMBEDDER: D, FORMER: D}
    return TemplateCache(lambda: client, "facesite:test", dimensions, Breaker(0.0), secret=secret)


def die_after_one_block(cache: TemplateCache, monkeypatch) -> None:
    write = cache._write

    def once(*arguments) -> bool:
        monkeypatch.setattr(cache, "_write", die)
        return write(*arguments)

    monkeypatch.setattr(cache, "_write", once)


def die(*_: object) -> bool:
    raise RedisError("the writer was killed")


def test_nobody_is_lost_where_a_changeover_was_written_by_half(cache, monkeypatch):
    book = ChangingBook()
    book.put_all(FORMER)
    cache.follow(book)
    book.put_all(EMBEDDER)
    with monkeypatch.context() as killed:
        die_after_one_block(cache, killed)
        cache.follow(book)
    assert cache.load()[0] == book.head() - 1  # one of the two has changed over in the copy
    follower = Follower(book, cache)
    found = [best(follower, vector) for vector in PEOPLE.values()]
    assert found == [[number] for number in PEOPLE]
    assert len(follower.caught_up(1, D, EMBEDDER)) == 2
