"""All pairs of photographs, and what they take of memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from recognition.evaluation import calibrating, samples
from recognition.evaluation.report import people_report
from recognition.evaluation.samples import NEVER, Sample, all_pairs, compared_of, lacking
from tests.evaluation.test_searches import crowd


def sample_of(people: int, photographs: int) -> Sample:
    embeddings, labels = crowd(people, photographs)
    return Sample([f"p{n}/{at}" for at, n in enumerate(labels)], embeddings, labels)


@pytest.mark.parametrize("block", [1, 7, 256])
def test_all_pairs_are_those_of_a_loop(monkeypatch, block):
    monkeypatch.setattr(samples, "BLOCK", block)
    sample = sample_of(12, 3)
    found, first, second = all_pairs(sample)
    rows = [(a, b) for a in range(36) for b in range(a + 1, 36)]
    own = [(a, b) for a, b in rows if sample.labels[a] == sample.labels[b]]
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == own
    others = sorted(float(sample.embeddings[a] @ sample.embeddings[b]) for a, b in rows
                    if (a, b) not in own)  # fmt: skip
    assert np.sort(found.impostor) == pytest.approx(others, abs=1e-6)
    assert found.pairs == 66 and (found.impostor_people[:, 0] != found.impostor_people[:, 1]).all()


def test_a_pair_with_a_refused_photograph_reaches_no_threshold():
    sample = sample_of(3, 2)
    found = all_pairs(replace(sample, refused={sample.names[0]: "low_quality"}))[0]
    assert (found.genuine == NEVER).sum() == 1 and (found.impostor == NEVER).sum() == 4


def test_of_very_many_photographs_some_are_compared(monkeypatch):
    monkeypatch.setattr(samples, "MOST_PHOTOGRAPHS", 100)
    report, found, _ = people_report(sample_of(60, 3), references=1, strangers=None)
    assert report["compared_photographs"] == 100
    assert len(found.genuine) == 50 and len(compared_of(sample_of(30, 3)).labels) == 90


def test_what_lacks_is_said():
    assert "60 photographs of 60" in lacking(np.arange(60))
    assert "0 photographs of 0" in lacking(np.empty(0, np.int64))
    assert lacking(np.array([1, 1, 2])) == ""


def test_a_comparison_takes_few_bytes():
    sample = sample_of(1_000, 3)  # 4.5 million
    tracemalloc.start()
    people_report(sample, references=1, strangers=None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_500_000 * 20


def test_a_calibrations_comparison_takes_few_bytes():
    embeddings, labels = crowd(1_000, 3)
    tracemalloc.start()
    calibrating.tables_of(embeddings, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000 * 36  # what is drawn for templates; of pairs there are fewer
