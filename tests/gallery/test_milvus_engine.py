"""Milvus follows the change log, and what it holds can be lost, late or wrong without harm."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from recognition.gallery import engine as engine_module
from recognition.gallery.engine import Engine, State
from recognition.gallery.milvus import EngineUnavailable
from tests.gallery.book import EMBEDDER
from tests.gallery.milvus_book import OTHER, EngineBook, best, engine_on, rows

prefixes = count()


@pytest.fixture
def book() -> EngineBook:
    book = EngineBook()
    book.put(1, [1, 0, 0, 0])
    book.put(2, [0, 1, 0, 0])
    return book


@pytest.fixture
def make_engine(milvus, book) -> Callable[..., Engine]:
    """Return a function that makes an engine of one process; all of a test share collections."""
    prefix = f"test{next(prefixes)}"
    return lambda **options: engine_on(milvus, book, prefix, **options)


@pytest.fixture
def engine(make_engine) -> Engine:
    return make_engine()


def people(engine: Engine, gallery: int = 1) -> int:
    return len(engine.caught_up(gallery, EMBEDDER))


def test_the_first_search_writes_everybody(engine):
    assert (best(engine, [0, 1, 0, 0]), people(engine), engine.version) == ([2], 2, 2)


def test_an_empty_gallery_answers_nobody(engine):
    assert (best(engine, [0, 1, 0, 0], gallery=9), people(engine, 9)) == ([], 0)


def test_a_search_sees_who_was_put_and_forgets_who_was_removed(engine, book):
    engine.catch_up()
    book.put(3, [0, 0, 1, 0])
    book.remove(2)
    assert (best(engine, [0, 0, 1, 0]), best(engine, [0, 1, 0, 0])[0] != 2) == ([3], True)
    assert rows(engine) == {1: 1, 3: 1}


def test_publish_writes_before_anybody_searches(engine, book):
    book.put(3, [0, 0, 1, 0])
    engine.publish()
    assert rows(engine) == {1: 1, 2: 1, 3: 1}


def test_another_process_sees_it_at_once(make_engine, book):
    one, other = make_engine(), make_engine()
    other.catch_up()
    book.put(3, [0, 0, 1, 0])
    one.publish()
    assert best(other, [0, 0, 1, 0]) == [3]


def test_galleries_are_kept_apart(engine, book):
    book.put(7, [0, 1, 0, 0], gallery=2)
    assert (best(engine, [0, 1, 0, 0]), best(engine, [0, 1, 0, 0], gallery=2)) == ([2], [7])
    assert (people(engine, 1), people(engine, 2)) == (2, 1)


def test_many_changes_are_written_in_slices(engine, book, monkeypatch):
    engine.catch_up()
    monkeypatch.setattr(engine_module, "SLICE", 3)
    for number in range(10, 20):
        book.put(number, [0, 0, 1, 0])
    engine.publish()
    assert (len(rows(engine)), book.state().version) == (12, 12)


def test_who_comes_back_with_another_embedder_leaves_the_first(engine, book):
    engine.publish()
    first = engine.milvus.collection(book.state().epoch, EMBEDDER)
    second = engine.milvus.collection(book.state().epoch, OTHER)
    second.put(np.array([1]), np.array([1]), np.array([[1, 0, 0, 0]], np.float32))
    book.put(1, [1, 0, 0, 0])
    engine.publish()
    assert (first.count(), second.count()) == (2, 0)


def test_nothing_but_number_gallery_and_a_turned_template_is_in_milvus(engine, milvus):
    state = engine.catch_up()
    name = engine.milvus.collection(state.epoch, EMBEDDER).name
    stored = milvus.client().query(name, filter="number == 1", output_fields=["*"])[0]
    assert set(stored) == {"number", "gallery", "template"}
    assert np.linalg.norm(stored["template"]) == pytest.approx(1)
    assert np.max(np.abs(stored["template"])) < 0.999


def test_a_row_of_somebody_unknown_is_not_named(engine, book):
    state = engine.catch_up()
    collection = engine.milvus.collection(state.epoch, EMBEDDER)
    collection.put(np.array([66]), np.array([1]), np.array([[0, 1, 0, 0]], np.float32))
    assert best(engine, [0, 1, 0, 0]) == [2]


def test_similarities_come_from_the_database(engine):
    state = engine.catch_up()
    collection = engine.milvus.collection(state.epoch, EMBEDDER)
    collection.put(np.array([1]), np.array([1]), np.array([[0, 1, 0, 0]], np.float32))
    found = engine.caught_up(1, EMBEDDER).search(np.array([[0, 1, 0, 0]], np.float32), limit=2)
    assert [(c.subject_number, c.similarity) for c in found[0]] == [(2, 1.0), (1, 0.0)]


def test_collections_that_were_dropped_are_written_again(engine, milvus, book):
    first = engine.catch_up().epoch
    for collection in engine.milvus.collections(first).values():
        milvus.client().drop_collection(collection.name)
    assert (best(engine, [0, 1, 0, 0]), rows(engine)) == ([2], {1: 1, 2: 1})
    assert book.state().epoch != first


def test_a_rebuild_elsewhere_is_followed_in_the_same_search(make_engine):
    one, other = make_engine(), make_engine()
    index = one.caught_up(1, EMBEDDER)
    other.rebuild()
    found = index.search(np.array([[0, 1, 0, 0]], np.float32), limit=1)
    assert [c.subject_number for c in found[0]] == [2]


def test_changes_during_a_rebuild_are_not_lost(engine, book):
    engine.rebuild(said=lambda written: book.put(3, [0, 0, 1, 0]) if 3 not in book.there else None)
    assert rows(engine) == {1: 1, 2: 1, 3: 1}
    assert book.state().version == 3


def test_a_large_gallery_is_not_written_in_a_request(engine, monkeypatch):
    monkeypatch.setattr(engine_module, "FEW", 1)
    with pytest.raises(EngineUnavailable) as refusal:
        engine.catch_up()
    assert (refusal.value.code, "sync_gallery" in refusal.value.hint) == ("not_ready", True)


def test_another_key_is_refused(make_engine, book):
    make_engine().catch_up()
    with pytest.raises(EngineUnavailable, match="another MILVUS_TURN_KEY"):
        make_engine(turn_key="other").catch_up()
    assert book.state().version == 2


def test_a_publisher_who_read_before_an_erasure_and_dies_leaves_no_row(make_engine, book):
    slow, quick = make_engine(), make_engine()
    slow.catch_up()
    book.put(3, [0, 0, 1, 0])
    eraser = threading.Thread(target=lambda: (book.remove(3), quick.publish()))
    book.templates = read_and_dawdle(book, eraser)
    book.write = write_or_die(book)
    with pytest.raises(ConnectionError):
        slow.publish()
    eraser.join()
    assert rows(slow) == {1: 1, 2: 1}


def read_and_dawdle(book: EngineBook, eraser: threading.Thread) -> Callable[..., object]:
    """Return a ``templates`` whose first reader goes on only when ``eraser`` is done, or waits."""
    read = book.templates

    def dawdle(numbers: set[int]) -> object:
        book.templates = read
        found = read(numbers)
        eraser.start()
        eraser.join(timeout=0.5)  # as long as it takes without a lock
        return found

    return dawdle


def write_or_die(book: EngineBook) -> Callable[[State], None]:
    """Return a ``write`` that fails for the test's own thread, as if the process had died."""
    write = book.write

    def die(state: State) -> None:
        if threading.current_thread() is threading.main_thread():
            raise ConnectionError
        write(state)

    return die


def test_publishers_who_overlap_leave_what_the_database_says(make_engine, book):
    engines = [make_engine() for _ in range(3)]
    engines[0].catch_up()
    threads = [threading.Thread(target=churn, args=(book, *one)) for one in enumerate(engines, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (set(rows(engines[0])), book.state().version) == (set(book.there), book.head())


def churn(book: EngineBook, place: int, engine: Engine) -> None:
    """Put people and remove every second of them, each published."""
    for number in range(100 * place, 100 * place + 15):
        book.put(number, [0, 0, 1, 0])
        engine.publish()
        if number % 2:
            book.remove(number)
            engine.publish()


def test_counts_of_both_sides_are_compared(engine, book, monkeypatch):
    monkeypatch.setattr(engine_module, "LEAST_KEPT", 0)
    monkeypatch.setattr(engine_module, "SHARE", 0)
    assert engine.compared().agree
    engine.milvus.collection(book.state().epoch, EMBEDDER).remove([2])
    comparison = engine.compared()
    counts = {(c.embedder, c.gallery): (c.database, c.milvus) for c in comparison.counts}
    assert not comparison.agree
    assert counts == {(EMBEDDER, None): (2, 1), (EMBEDDER, 1): (2, 1), (OTHER, None): (0, 0)}


def test_a_comparison_is_kept_for_a_while(engine, book):
    assert engine.compared().agree
    engine.milvus.collection(book.state().epoch, EMBEDDER).remove([2])
    assert engine.compared().agree


def test_before_the_first_writing_the_state_is_empty(book):
    assert book.state() == State("", 0, "")
