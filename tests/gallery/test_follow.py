"""A follower against a small source in memory."""

from __future__ import annotations

from recognition.gallery.follow import Follower
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


def test_an_index_that_is_loaded_anew_is_never_seen_half_full(book):
    follower = Follower(book)
    follower.caught_up(1, D)
    book.log.pop()  # the database was set back
    seen: list[int] = []
    everybody = book.all_templates
    book.all_templates = lambda: (seen.append(follower.people()) or t for t in everybody())
    follower.caught_up(1, D)
    assert seen == [2, 2]
