"""Milvus killed, hung, and back."""

from __future__ import annotations

import time

import pytest

from recognition.gallery import milvus as milvus_module
from recognition.gallery.milvus import EngineUnavailable
from tests.gallery.milvus_book import EngineBook, best, engine_on, rows


@pytest.fixture
def book() -> EngineBook:
    book = EngineBook()
    book.put(1, [1, 0, 0, 0])
    return book


@pytest.fixture
def engine(own_milvus, book, monkeypatch):
    monkeypatch.setattr(milvus_module, "REST", 1.0)
    engine = engine_on(own_milvus, book, "test")
    engine.catch_up()
    return engine


def test_a_killed_milvus_is_told_and_caught_up_with_once_it_is_back(engine, own_milvus, book):
    own_milvus.kill()
    book.put(2, [0, 1, 0, 0])
    engine.publish()
    with pytest.raises(EngineUnavailable):
        best(engine, [0, 1, 0, 0])
    own_milvus.start()
    assert (once_it_is_back(engine, [0, 1, 0, 0]), rows(engine)) == ([2], {1: 1, 2: 1})


def once_it_is_back(engine, probe):
    """Return the best for ``probe``, asked again until Milvus is not left alone any more."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return best(engine, probe)
        except EngineUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_hung_milvus_is_waited_for_once(engine, own_milvus):
    own_milvus.hang()
    before = time.monotonic()
    for _ in range(3):
        with pytest.raises(EngineUnavailable):
            best(engine, [0, 1, 0, 0])
    own_milvus.resume()
    assert time.monotonic() - before < 2 * engine.milvus.timeout
    assert once_it_is_back(engine, [1, 0, 0, 0]) == [1]


def test_a_milvus_that_was_emptied_is_written_again(engine, own_milvus):
    own_milvus.kill()
    own_milvus.empty()
    own_milvus.start()
    assert (best(engine, [1, 0, 0, 0]), rows(engine)) == ([1], {1: 1})
