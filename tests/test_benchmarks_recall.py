"""``python -m benchmarks.recall``: people are made up as measured, whoever is missed is counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import recall, view_1
from benchmarks.spread import Spread
from recognition.gallery.exact import ExactIndex


class Forgetful(ExactIndex):
    """Leaves out the most similar person."""

    def search(self, probes, *, limit, floor=-1.0, near=0.0):
        found = super().search(probes, limit=limit + 1, floor=floor, near=near)
        return [each[1:] for each in found]


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(view_1, "VIEW_1", tmp_path / "absent")
    output = tmp_path / "recall.json"
    arguments = ["--people", "3000", "--probes", "40", "--output", str(output)]
    return lambda: (recall.main(arguments), json.loads(output.read_text())["results"])


def test_nobody_is_missed_among_a_few_people(small):
    code, results = small()
    assert code == 0
    assert [(r["dimension"], r["probes"]) for r in results[::3]] == [
        *((128, 40), (512, 40), (128, 40), (512, 40))
    ]
    assert all(r["missed"] == r["best_differs"] == 0 for r in results)
    assert sum(r["reaching"] for r in results) > 0


def test_whoever_is_missed_is_counted(small, monkeypatch):
    monkeypatch.setattr(recall, "ExactIndex", Forgetful)
    code, results = small()
    assert code == 1
    assert sum(r["missed"] for r in results) > 0 and sum(r["best_differs"] for r in results) > 0


def test_people_spread_as_those_they_were_measured_on():
    drawn = Spread.measured()
    people = drawn.people(3000)
    labels = np.repeat(np.arange(3000), 2)
    photographs = np.empty((6000, 128), np.float32)
    for nth in range(2):
        photographs[nth::2] = drawn.photographs(people, seed=nth)
    found = Spread.of(photographs, labels)
    for name in ("between", "within"):
        factors = getattr(drawn, name), getattr(found, name)
        first, second = (np.trace(factor @ factor.T) for factor in factors)
        assert second == pytest.approx(first, rel=0.1)
    assert np.allclose(found.mean, drawn.mean, atol=0.01)


def test_a_spread_of_more_dimensions_is_as_wide():
    measured, stretched = Spread.measured(), Spread.stretched(512)
    assert np.sum(stretched.within**2) == pytest.approx(np.sum(measured.within**2), rel=1e-4)
    assert np.linalg.norm(stretched.mean) == pytest.approx(np.linalg.norm(measured.mean), rel=1e-5)


def test_fewer_strangers_reach_a_higher_threshold():
    spread = Spread.scattered(64)
    thresholds = [spread.threshold(rate) for rate in (1e-2, 1e-4, 1e-8)]
    assert thresholds == sorted(thresholds) and len(set(thresholds)) == 3
