"""Large galleries: nobody at or above the floor is missed, and when everybody is compared."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.gallery import codebook
from recognition.gallery.exact import ALL, AT_ONCE, CODED, ExactIndex
from recognition.gallery.hunt import Hunt
from recognition.gallery.segment import Segment
from tests.gallery.crowd import alike, filled, photographed, scattered

PEOPLE, PROBES = 50_000, 200
CASES = [(scattered, 512, 0.7), (scattered, 512, 0.27), (alike, 512, 0.93), (alike, 128, 0.975)]


@pytest.fixture(
    scope="module", params=CASES, ids=lambda case: f"{case[0].__name__}-{case[1]}-{case[2]}"
)
def case(request) -> tuple[np.ndarray, ExactIndex, float]:
    """Return templates, an index of them and the threshold."""
    crowd, dimension, threshold = request.param
    templates = crowd(PEOPLE, dimension)
    return templates, filled(templates), threshold


def compared(index: ExactIndex, probe: np.ndarray, floor: float) -> int:
    """Return with how many people one probe is compared."""
    looks = Hunt(index._segments, probe[None], limit=5, floor=floor, near=0.0).run()[0]
    return sum(len(look.numbers) for look in looks)


def test_everybody_at_or_above_the_floor_is_found_with_their_similarity(case):
    templates, index, threshold = case
    wanted = threshold + np.linspace(-0.0199, 0.02, PROBES)
    probes = photographed(templates[:PROBES], templates[-PROBES:], wanted)
    found = index.search(probes, limit=50, floor=threshold - 0.02)
    for each, row in zip(found, probes @ templates.T, strict=True):
        best = -np.sort(-row)[:50]
        close = [c.similarity for c in each if c.similarity >= threshold - 0.02]
        assert close == pytest.approx(best[best >= threshold - 0.02].tolist(), abs=1e-5)
        assert all(abs(row[c.subject_number - 1] - c.similarity) < 1e-5 for c in each)


@pytest.mark.parametrize("floor", [ALL, 0.3])
def test_a_crowd_of_faces_is_searched_for_a_few_at_a_time(case, floor, monkeypatch):
    templates, index, _ = case
    at_once = []
    scan = Segment.scan
    monkeypatch.setattr(
        Segment, "scan", lambda s, p, limit: at_once.append(len(p)) or scan(s, p, limit)
    )
    found = index.search(templates[: 2 * AT_ONCE + 1], limit=1, floor=floor)
    assert [c.subject_number for each in found for c in each] == [*range(1, 2 * AT_ONCE + 2)]
    assert {AT_ONCE, 1} <= set(at_once) and max(at_once) == AT_ONCE


def test_few_people_are_compared(case):
    templates, index, threshold = case
    probe = photographed(templates[:1], templates[1:2], np.array([threshold]))[0]
    assert compared(index, probe, threshold - 0.02) < PEOPLE / 20


def test_without_a_floor_everybody_is_compared(case):
    templates, index, _ = case
    found = index.search(templates[:3], limit=20)
    expected = np.argsort(-(templates[:3] @ templates.T), axis=1)[:, :20] + 1
    assert [[c.subject_number for c in each] for each in found] == expected.tolist()


def test_of_those_below_the_floor_some_are_named(case):
    templates, index, _ = case
    found = index.search(-templates[:1], limit=5, floor=0.99)[0]
    similarities = [c.similarity for c in found]
    assert len(found) == 5 and similarities == sorted(similarities, reverse=True)


def test_a_small_gallery_has_no_codes():
    index = filled(scattered(CODED - 1, 16))
    assert not any(segment.codes for segment in index._segments)
    index.put(np.array([CODED]), scattered(1, 16, seed=1))
    assert all(segment.codes for segment in index._segments)


def test_where_bounds_tell_too_little_everybody_is_compared():
    templates = scattered(PEOPLE // 2, 32)
    index, limit = filled(templates), PEOPLE // 4
    looks = Hunt(index._segments, templates[:1], limit=limit, floor=-0.9, near=0.0).run()[0]
    assert sum(len(look.numbers) for look in looks) >= limit
    assert all(look.unseen == -np.inf for look in looks)


def test_a_low_floor_rises_to_the_last_of_those_asked_for(case):
    templates, index, _ = case
    assert compared(index, templates[0], -0.9) < PEOPLE / 2
    found = index.search(templates[:20], limit=5, floor=-0.9)
    expected = np.argsort(-(templates[:20] @ templates.T), axis=1)[:, :5] + 1
    assert [[c.subject_number for c in each] for each in found] == expected.tolist()


def test_a_probe_whose_sum_might_not_fit_is_compared_with_everybody(case, monkeypatch):
    templates, index, threshold = case
    monkeypatch.setattr(codebook, "LARGEST_SUM", 1000)
    looks = Hunt(index._segments, templates[:1], limit=5, floor=threshold, near=0.0).run()[0]
    assert all(look.unseen == -np.inf for look in looks)
    assert index.search(templates[:1], limit=1, floor=threshold)[0][0].subject_number == 1


def test_people_unlike_the_first_ones_are_found_too():
    first, later = alike(CODED, 128), scattered(3000, 128)
    index = filled(first)
    index.put(np.arange(CODED + 1, CODED + 3001), later)
    found = index.search(later[:50], limit=1, floor=0.9)
    assert [c.subject_number for each in found for c in each] == list(range(CODED + 1, CODED + 51))


def families(probe: np.ndarray, sizes: list[int], seed: int) -> list[np.ndarray]:
    """Return for each size people who are alike: one near the probe, the others further off."""
    random = np.random.default_rng(seed)
    found = []
    for nearest, size in zip((0.95, 0.80), sizes, strict=True):
        similarities = np.concatenate([[nearest], 0.70 + 0.02 * random.random(size)])
        others = scattered(size + 1, len(probe), seed=seed + size)
        probes = np.repeat(probe[None], size + 1, axis=0)
        found.append(photographed(probes, others, similarities))
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [100, 400, 1000])
def test_of_many_who_reach_the_floor_the_best_are_found(seed, size):
    templates = scattered(30_000, 128)
    probe = scattered(1, 128, seed=4711)[0]
    # In the second and the third segment, and so many that both are looked at more than once.
    for first, family in zip((2000, 9000), families(probe, [size, size], seed), strict=True):
        templates[first : first + len(family)] = family
    index = filled(templates)
    assert [segment.count for segment in index._segments][:2] == [1024, 7168]
    found = index.search(probe[None], limit=2, floor=0.6, near=0.02)[0]
    assert [c.subject_number for c in found] == [2001, 9001]


def test_a_segment_that_has_just_begun_tells_nothing_about_the_others():
    templates = scattered(1024 + 7168 + 57344 + 1, 128)
    index = filled(templates)
    assert index._segments[-1].count == 1
    assert compared(index, templates[-1], 0.9) < len(index) / 20


def test_a_few_whom_the_codes_do_not_fit_are_compared_beside_the_others():
    templates = alike(PEOPLE, 128)
    templates[20_000:20_100] = scattered(100, 128, seed=3)
    index = filled(templates)
    unfit = sum(len(s.codes[0].unfit(s.count)) for s in index._segments)
    assert unfit > 50
    assert unfit <= compared(index, templates[0], 0.99) < PEOPLE / 20
