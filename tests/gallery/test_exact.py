"""The exact index against plain numpy."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from recognition.gallery import exact
from recognition.gallery.exact import ExactIndex

DIMENSION = 16


def people(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers (N,) and unit vectors (N, 16)."""
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return np.arange(1, count + 1), vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def index() -> ExactIndex:
    index = ExactIndex(DIMENSION)
    index.put(*people(1000))
    return index


def test_search_finds_the_most_similar_best_first(index):
    _, vectors = people(1000)
    probes = people(20, seed=1)[1]
    found = index.search(probes, limit=7)
    expected = np.argsort(-(probes @ vectors.T), axis=1)[:, :7] + 1
    assert [[c.subject_number for c in row] for row in found] == expected.tolist()


def test_search_returns_the_cosine(index):
    _, vectors = people(1000)
    best = index.search(vectors[:1], limit=1)[0][0]
    assert best.subject_number == 1
    assert best.similarity == pytest.approx(1.0, abs=1e-6)


def test_search_of_an_empty_index_finds_nobody():
    assert ExactIndex(DIMENSION).search(people(2)[1], limit=5) == [[], []]


def test_search_of_no_probe_answers_nothing(index):
    assert index.search(np.empty((0, DIMENSION), np.float32), limit=5) == []


def test_search_with_a_limit_over_the_gallery_returns_everybody():
    index = ExactIndex(DIMENSION)
    index.put(*people(3))
    assert len(index.search(people(1)[1], limit=50)[0]) == 3


def test_put_replaces_a_template(index):
    numbers, vectors = people(1000)
    index.put(numbers[:1], -vectors[:1])
    assert len(index) == 1000
    assert index.search(-vectors[:1], limit=1)[0][0].subject_number == 1


def test_remove_forgets_people_and_keeps_the_others(index):
    _, vectors = people(1000)
    index.remove([1, 500, 1000, 4711])
    found = index.search(vectors, limit=1)
    assert len(index) == 997
    assert {c.subject_number for row in found for c in row}.isdisjoint({1, 500, 1000})
    assert [row[0].subject_number for row in found[1:499]] == list(range(2, 500))


def test_remove_overwrites_templates_and_codes(monkeypatch):
    monkeypatch.setattr(exact, "CODED", 3)
    index = ExactIndex(DIMENSION)
    index.put(*people(5))
    segment = index._segments[0]
    before = segment.codes[0]._packed[0].copy()
    index.remove([1, 4, 5])
    assert not segment.templates[2:5].any() and not segment.numbers[2:5].any()
    assert sorted(segment.numbers[:2].tolist()) == [2, 3]
    assert not nibbles(segment.codes[0]._packed[0])[2:5].any() and nibbles(before)[2:5].any()


def nibbles(packed: np.ndarray) -> np.ndarray:
    """Return the digits of the first eight rows of a block, (8, columns)."""
    return np.moveaxis(packed[:, :, :16:2] & 15, 2, 0).reshape(8, -1)


def test_segments_that_are_empty_are_given_back(index):
    index.put(np.arange(2000, 12000), people(10000, seed=2)[1])
    segments = len(index._segments)
    index.remove(range(2000, 12000))
    assert segments > len(index._segments) == 1
    assert [row[0].subject_number for row in index.search(people(9)[1], limit=1)] == [*range(1, 10)]


def test_a_person_who_is_put_twice_at_once_has_the_last_template(index):
    _, vectors = people(3, seed=3)
    index.put(np.array([7, 2000, 7]), vectors)
    assert len(index) == 1001
    assert index.search(vectors, limit=1)[2][0].subject_number == 7
    assert index.search(vectors[:1], limit=1)[0][0].similarity < 0.99


def test_templates_of_another_dimension_change_nothing(index):
    with pytest.raises(ValueError, match="reshape"):
        index.put(np.array([5000, 5001]), np.ones((2, DIMENSION - 1)))
    assert len(index) == 1000 and 5000 not in index


def test_changes_during_a_search_never_mix_rows(index):
    _, vectors = people(1000)
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            index.remove(range(1, 500))
            index.put(np.arange(1, 500), vectors[:499])

    thread = threading.Thread(target=churn)
    thread.start()
    found = [index.search(vectors[900:901], limit=1)[0][0] for _ in range(300)]
    stop.set()
    thread.join()
    assert {c.subject_number for c in found} == {901}
