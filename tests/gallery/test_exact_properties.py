"""Whatever is put and removed: the same answers as comparing with everybody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recognition.gallery import exact, hunt
from recognition.gallery.exact import ExactIndex
from tests.gallery.crowd import alike, reaching, scattered

DIMENSION = 16
CROWDS = [crowd(400, DIMENSION) for crowd in (scattered, alike)]
NUMBERS = st.integers(1, 300)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(NUMBERS, max_size=200)),
        st.tuples(st.just("remove"), st.lists(NUMBERS, max_size=200)),
    ),
    max_size=12,
)


@pytest.fixture(autouse=True, scope="module")
def small_segments():
    """Codes from 20 people on, in segments of 16 and more: all that happens at a million."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "FIRST": 16,
            "LARGEST": 64,
            "CODED": 20,
            "SAMPLE": 16,
            "GROWTH": 3,
        }.items():
            patch.setattr(exact, name, value)
        patch.setattr(hunt, "FEWEST", 1 / 16)
        yield


def done(acts: list[tuple[str, list[int]]], crowd: np.ndarray) -> tuple[ExactIndex, dict]:
    """Return the index and, as the oracle, who is there with which template."""
    index, there, turn = ExactIndex(DIMENSION), {}, 0
    for act, numbers in acts:
        if act == "put":
            rows = (np.arange(len(numbers)) + turn) % len(crowd)
            index.put(np.array(numbers, np.int64), crowd[rows])
            there |= dict(zip(numbers, crowd[rows], strict=True))
            turn += 37
        else:
            index.remove(numbers)
            there = {number: row for number, row in there.items() if number not in numbers}
    return index, there


@settings(max_examples=150, deadline=None)
@given(acts=ACTS, floor=st.sampled_from([-1.0, -0.5, 0.3, 0.8, 0.95, 1.1]), crowd=st.integers(0, 1))
def test_a_search_finds_everybody_who_is_similar_enough(acts, floor, crowd):
    index, there = done(acts, CROWDS[crowd])
    probes = CROWDS[crowd][[3, 77]]
    for probe, found in zip(probes, index.search(probes, limit=5, floor=floor), strict=True):
        similarities = {number: float(row @ probe) for number, row in there.items()}
        best = sorted(similarities, key=lambda n: -similarities[n])[:5]
        expected = [round(similarities[n], 4) for n in best if similarities[n] >= floor]
        assert [round(c.similarity, 4) for c in found if c.similarity >= floor] == expected
        assert all(abs(similarities[c.subject_number] - c.similarity) < 1e-5 for c in found)


@settings(max_examples=100, deadline=None)
@given(acts=ACTS, floor=st.sampled_from([-0.5, 0.3, 0.8, 0.95, 1.1]), crowd=st.integers(0, 1))
def test_below_the_floor_the_nearest_person_is_found_who_is_near(acts, floor, crowd):
    index, there = done(acts, CROWDS[crowd])
    probes = CROWDS[crowd][[3, 77]]
    for probe, found in zip(
        probes, index.search(probes, limit=5, floor=floor, near=0.3), strict=True
    ):
        nearest = max((float(row @ probe) for row in there.values()), default=-2.0)
        if nearest >= floor - 0.3:
            assert found[0].similarity == pytest.approx(nearest, abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(acts=ACTS)
def test_the_index_holds_whom_it_was_given(acts):
    index, there = done(acts, CROWDS[0])
    assert len(index) == len(there)
    assert {number for number in range(1, 301) if number in index} == set(there)
    assert sum(segment.count for segment in index._segments) == len(there)


def test_codes_are_used_in_these_tests():
    index, _ = done([("put", list(range(1, 301)))], CROWDS[0])
    assert len(index._segments) > 4
    assert all(segment.codes for segment in index._segments)
    assert reaching(index.search(CROWDS[0][:1], limit=5, floor=0.9)[0], 0.9) == [1]
