"""The same answers as the exact index gives on the same gallery."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from recognition.gallery.engine import EngineIndex
from recognition.gallery.exact import ExactIndex
from tests.gallery.book import EMBEDDER
from tests.gallery.milvus_book import EngineBook, engine_on

PEOPLE, PROBES = 1500, 20
prefixes = count()


def vectors(count: int, dimension: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture(params=[(128, "FLAT"), (512, "FLAT"), (128, "HNSW")], ids=str, scope="module")
def both(request, milvus) -> tuple[ExactIndex, EngineIndex, np.ndarray]:
    """Return the index to compare with, the one in Milvus, and probes near some of the people."""
    dimension, kind = request.param
    book, exact, templates = EngineBook(), ExactIndex(dimension), vectors(PEOPLE, dimension, 0)
    numbers = np.random.default_rng(2).integers(0, 2**63 - 1, PEOPLE)
    for number, template in zip(numbers.tolist(), templates, strict=True):
        book.there[number] = 1, template
    exact.put(numbers, templates)
    prefix = f"search{next(prefixes)}"
    engine = engine_on(milvus, book, prefix, index_type=kind, dimension=dimension)
    probes = templates[:PROBES] + vectors(PROBES, dimension, 1)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    return exact, engine.caught_up(1, EMBEDDER), probes


@pytest.mark.parametrize("limit", [1, 5, 50])
def test_the_same_people_with_the_same_similarities(both, limit):
    exact, engine, probes = both
    expected, found = exact.search(probes, limit=limit), engine.search(probes, limit=limit)
    for one, other in zip(expected, found, strict=True):
        assert [c.subject_number for c in other] == [c.subject_number for c in one]
        assert [c.similarity for c in other] == pytest.approx([c.similarity for c in one], abs=1e-6)


def test_as_many_people(both):
    assert len(both[1]) == PEOPLE


def test_everybody_at_the_floor_and_above_is_found(both):
    exact, engine, probes = both
    expected = [[c for c in row if c.similarity >= 0.2] for row in exact.search(probes, limit=50)]
    found = engine.search(probes, limit=50, floor=0.2)
    assert [sum(c.similarity >= 0.2 for c in row) for row in found] == [len(e) for e in expected]
    assert min(len(row) for row in expected) >= 1


def test_no_probe_finds_nothing(both):
    assert both[1].search(np.empty((0, both[0].dimension), np.float32), limit=5) == []
