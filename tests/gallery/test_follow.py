"""A follower against a small source in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from recognition.errors import RecognitionError
from recognition.gallery.follow import Follower, State, here
from tests.gallery.book import D, best


def test_caught_up_loads_everybody_at_first_use(book):
    assert best(Follower(book), [0, 1, 0, 0]) == [2]


def test_caught_up_sees_who_was_put_since(book):
    follower = Follower(book)
    follower.caught_up(1, D)
    book.put(3, [0, 0, 1, 0])
    assert best(follower, [0, 0, 1, 0]) == [3]


def test_caught_up_forgets_who_was_removed_since(book):
    follower = Follower(book)
    follower.caught_up(1, D)
    book.remove(2)
    assert best(follower, [0, 1, 0, 0]) == [1]


def test_caught_up_reads_nothing_when_nothing_changed(book):
    follower = Follower(book)
    follower.caught_up(1, D)
    reads = book.reads
    follower.caught_up(1, D)
    assert book.reads == reads


def test_a_change_while_everybody_is_loaded_is_not_lost(book, monkeypatch):
    everybody = book.all_templates

    def read_and_be_overtaken():
        monkeypatch.undo()
        blocks = list(everybody())
        book.remove(2)
        return iter(blocks)

    monkeypatch.setattr(book, "all_templates", read_and_be_overtaken)
    follower = Follower(book)
    follower.load()
    assert best(follower, [0, 1, 0, 0]) == [1]


def test_galleries_are_kept_apart(book):
    book.put(7, [0, 1, 0, 0], gallery=2)
    follower = Follower(book)
    assert (best(follower, [0, 1, 0, 0]), best(follower, [0, 1, 0, 0], gallery=2)) == ([2], [7])


def test_an_unknown_gallery_is_empty(book):
    assert len(Follower(book).caught_up(99, D)) == 0


def test_a_database_set_back_is_read_anew(book):
    follower = Follower(book)
    follower.caught_up(1, D)
    book.log.pop()
    del book.there[2]
    assert best(follower, [0, 1, 0, 0]) == [1]


def test_an_index_of_another_dimension_is_not_searched(book):
    assert len(Follower(book).caught_up(1, 512)) == 0


def test_a_thread_that_read_an_old_head_empties_no_index(book, monkeypatch):
    follower = Follower(book)
    follower.caught_up(1, D)
    heads = iter([book.head() - 1])  # what it read before another thread caught up
    monkeypatch.setattr(book, "head", lambda: next(heads, len(book.log)))
    reads = book.reads
    assert best(follower, [0, 1, 0, 0]) == [2]
    assert book.reads == reads


class Beside:
    """Keeps what a follower wants to be run beside the requests, until it is told to run it."""

    def __init__(self) -> None:
        self.acts: list[Callable[[], None]] = []

    def run(self) -> None:
        self.acts.pop()()


def test_a_request_is_told_not_ready_while_people_are_loaded_elsewhere(book):
    beside = Beside()
    follower = Follower(book, start=beside.acts.append, patience=0.05)
    follower.load()
    with pytest.raises(RecognitionError, match="0% are there") as refusal:
        follower.caught_up(1, D)
    assert (refusal.value.code, refusal.value.extra["retry_after"]) == ("not_ready", 2)
    beside.run()
    assert best(follower, [0, 1, 0, 0]) == [2] and not beside.acts


def test_a_request_waits_for_people_who_are_there_soon(book):
    beside = Beside()
    follower = Follower(book, start=beside.acts.append, patience=10)
    follower.load()
    threading.Timer(0.1, beside.run).start()
    assert best(follower, [0, 1, 0, 0]) == [2]


def no_thread(*_: object) -> None:
    raise RuntimeError("no thread is to be had")


def test_loading_that_failed_is_begun_again_by_the_next_request(book, monkeypatch):
    beside = Beside()
    follower = Follower(book, start=beside.acts.append, patience=0.05)
    follower.load()
    with monkeypatch.context() as broken:
        broken.setattr(book, "all_templates", lambda: 1 / 0)
        pytest.raises(ZeroDivisionError, beside.run)
    pytest.raises(RecognitionError, follower.caught_up, 1, D)
    beside.run()
    assert best(follower, [0, 1, 0, 0]) == [2]


def test_a_request_tries_to_load_once_where_that_fails(book):
    begun = []
    follower = Follower(book, start=lambda act: begun.append(act) or follower._lock.release())
    pytest.raises(RecognitionError, follower.caught_up, 1, D)
    assert len(begun) == 1


def test_loading_that_found_no_thread_is_begun_again_by_the_next_request(book):
    starts = [no_thread, here]
    follower = Follower(book, start=lambda act: starts.pop(0)(act), patience=5)
    pytest.raises(RuntimeError, follower.load)
    assert best(follower, [0, 1, 0, 0]) == [2]


def test_loading_that_failed_gives_the_lock_back_once(book, monkeypatch):
    follower = Follower(book, patience=5)
    with monkeypatch.context() as broken:
        broken.setattr(book, "all_templates", no_thread)
        with pytest.raises(RuntimeError, match="no thread"):
            follower.load()
    assert best(follower, [0, 1, 0, 0]) == [2]


def test_nobody_is_named_while_a_database_that_was_set_back_is_read(book):
    beside = Beside()
    follower = Follower(book, start=beside.acts.append, patience=0.05)
    follower.load()
    beside.run()
    book.log.pop()
    del book.there[2]
    pytest.raises(RecognitionError, follower.caught_up, 1, D)
    beside.run()
    assert best(follower, [0, 1, 0, 0]) == [1]


def test_a_long_way_is_gone_in_portions(book, monkeypatch):
    monkeypatch.setattr("recognition.gallery.follow.PORTION", 3)
    follower = Follower(book, patience=0)
    follower.caught_up(1, D)
    for number in range(3, 11):
        book.put(number, [0, 0, 1, 0])
    for _ in range(2):
        with pytest.raises(RecognitionError):
            follower.caught_up(1, D)
    assert len(follower.caught_up(1, D)) == follower.people == 10


def test_far_behind_everybody_is_loaded_anew(book, monkeypatch):
    monkeypatch.setattr("recognition.gallery.follow.MANY", 3)
    follower = Follower(book)
    follower.caught_up(1, D)
    for number in range(3, 11):
        book.put(number, [0, 0, 1, 0])
    monkeypatch.setattr(book, "changes", lambda **_: pytest.fail("the log was read"))
    assert len(follower.caught_up(1, D)) == 10


def test_changes_do_not_wait_for_a_search_in_another_gallery(book):
    book.put(7, [0, 1, 0, 0], gallery=2)
    follower = Follower(book)
    searched = follower.caught_up(2, D)
    book.put(3, [0, 0, 1, 0])
    book.remove(1)
    with ThreadPoolExecutor(1) as threads, searched._lock.reading():
        assert threads.submit(best, follower, [0, 0, 1, 0]).result(5) == [3]


@pytest.mark.parametrize(("asked", "told"), [("version", 7), ("people", 0)])
def test_what_is_held_can_be_asked_for_while_loading_begins(book, monkeypatch, asked, told):
    states = [None, State(7, {})]  # the newer one first, then none
    follower = Follower(book)
    held = property(lambda _: states.pop(), lambda *_: None)
    monkeypatch.setattr(Follower, "_state", held, raising=False)
    assert getattr(follower, asked) == told


def test_progress_is_told_now_and_then(book, monkeypatch, caplog):
    monkeypatch.setattr("recognition.gallery.follow.SAID_EVERY", 0)
    with caplog.at_level("INFO", logger="recognition.gallery.follow"):
        Follower(book).caught_up(1, D)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "index: reading the database at version 2",
        "index: 1 of 2 people loaded",
        "index: 2 of 2 people loaded",
        "index: ready, 2 people at version 2",
    ]
