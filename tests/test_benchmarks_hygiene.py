"""What the benchmark of audits plants."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.hygiene import PLANTED, found, planted
from recognition.pipeline.embed import unit

RANDOM = np.random.default_rng(2)
TRUTH = np.repeat(np.arange(200), 3)


@pytest.mark.parametrize("seed", [0, 1])
def test_moved_references_are_under_wrong_ids_and_split_people_under_two(seed):
    errors = planted(TRUTH, seed=seed)
    assert len(errors.moved) == len(errors.split) == PLANTED
    assert all(errors.labels[row] != TRUTH[row] for row in errors.moved)
    for pair in errors.split:
        rows = np.isin(errors.labels, list(pair))
        assert len(set(TRUTH[rows].tolist())) == 1 and rows.sum() == 3


def test_all_of_it_is_found_among_people_who_are_easy_to_tell():
    centres = np.repeat(RANDOM.normal(size=(200, 64)), 3, axis=0)
    embeddings = unit((centres + 0.3 * RANDOM.normal(size=centres.shape)).astype(np.float32))
    assert found(embeddings, planted(TRUTH, seed=0)) == (PLANTED, PLANTED)
