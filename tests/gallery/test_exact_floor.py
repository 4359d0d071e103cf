"""With a floor few people are compared, and whoever is as similar as the floor is found."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recognition.gallery import exact
from recognition.gallery.exact import ALL, ExactIndex

PEOPLE = 30_000
#: As photographs of faces are: a mean that all share, and some directions that tell most.
KINDS = {"alike": 1.0, "in all directions": 0.0}


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def people(dimension: int, count: int, mean: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    spread = np.linspace(2 * mean + 0.2, 0.2, dimension)
    return unit(mean * np.sqrt(dimension) / 8 + random.standard_normal((count, dimension)) * spread)


def probes_of(templates: np.ndarray, count: int, closeness: float) -> np.ndarray:
    noise = unit(np.random.default_rng(7).standard_normal((count, templates.shape[1])))
    return unit(closeness * templates[:count] + (1 - closeness) * noise)


@pytest.fixture(scope="module", params=[(128, "alike"), (512, "alike"), (512, "in all directions")])
def filled(request) -> tuple[ExactIndex, np.ndarray]:
    dimension, kind = request.param
    templates = people(dimension, PEOPLE, KINDS[kind], seed=1)
    index = ExactIndex(dimension)
    for first in range(0, PEOPLE, 4096):
        some = slice(first, min(first + 4096, PEOPLE))
        index.put(np.arange(some.start, some.stop), templates[some])
    return index, templates


@pytest.mark.parametrize("closeness", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("share", [1e-4, 1e-2])
def test_everybody_at_the_floor_and_above_is_found(filled, closeness, share):
    index, templates = filled
    probes = probes_of(templates, 60, closeness)
    similarities = probes @ templates.T
    floor = float(np.quantile(similarities, 1 - share))
    found = index.search(probes, limit=50, floor=floor)
    for row, candidates in zip(similarities, found, strict=True):
        expected = np.sort(row[row >= floor])[::-1][:50]
        listed = [c.similarity for c in candidates[: len(expected)]]
        assert np.allclose(listed, expected, atol=1e-5)
        assert all(abs(row[c.subject_number] - c.similarity) < 1e-5 for c in candidates)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_changes_leave_what_a_plain_scan_finds(data):
    with pytest.MonkeyPatch.context() as small:
        small.setattr(exact, "CODED", 300)
        small.setattr(exact, "SAMPLE", 200)
        small.setattr(exact, "FIRST", 128)
        templates = people(32, 900, 1.0, seed=3)
        index, there = ExactIndex(32), {}
        for step in range(data.draw(st.integers(2, 8))):
            some = data.draw(st.lists(st.integers(0, 299), min_size=1, max_size=200, unique=True))
            if step and data.draw(st.booleans()):
                index.remove(some)
                there = {n: row for n, row in there.items() if n not in some}
            else:
                rows = [(n * 3 + step) % 900 for n in some]
                index.put(np.array(some), templates[rows])
                there |= dict(zip(some, rows, strict=True))
        index.put(np.arange(300, 600), templates[300:600])
        there |= {n: n for n in range(300, 600)}
        check(index, templates, there)


def check(index: ExactIndex, templates: np.ndarray, there: dict[int, int]) -> None:
    numbers = np.array(sorted(there))
    held = templates[[there[n] for n in numbers]]
    probes = probes_of(templates, 5, 0.8)
    similarities = probes @ held.T
    assert len(index) == len(there)
    for floor in (ALL, float(np.quantile(similarities, 0.98))):
        found = index.search(probes, limit=10, floor=floor)
        for row, candidates in zip(similarities, found, strict=True):
            wanted = np.sort(row[row >= floor])[::-1][:10]
            assert np.allclose([c.similarity for c in candidates][: len(wanted)], wanted, atol=1e-5)
            assert all(c.subject_number in there for c in candidates)


def test_remove_overwrites_template_and_codes():
    templates = people(128, 20_000, 1.0, seed=4)
    index = ExactIndex(128)
    index.put(np.arange(20_000), templates)
    segment = index._segments[-1]
    count = segment.count
    index.remove(segment.numbers[:count].tolist())
    assert not segment.templates[:count].any()
    assert not segment.codes._packed[: count // 32].any()


def test_changes_during_searches_with_a_floor_never_mix_rows():
    templates = people(128, 20_000, 1.0, seed=5)
    index = ExactIndex(128)
    index.put(np.arange(20_000), templates)
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            index.remove(range(0, 3000))
            index.put(np.arange(3000), templates[:3000])

    thread = threading.Thread(target=churn)
    thread.start()
    probes = templates[19_000:19_050]
    found = [index.search(probes, limit=1, floor=0.99) for _ in range(20)]
    stop.set()
    thread.join()
    assert all([c[0].subject_number for c in each] == list(range(19_000, 19_050)) for each in found)
