"""Boxes, landmarks and embeddings of the fixtures stay what they were, whatever is updated."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.pipeline import faces, golden

STORED = json.loads(golden.FILE.read_text())


@pytest.fixture(scope="module")
def made(extractor):
    return golden.made(extractor)


@pytest.mark.parametrize("name", faces.NAMES)
def test_the_box_and_landmarks_stay_what_they_were(name, made):
    assert made[name]["outline"] == pytest.approx(STORED[name]["outline"], abs=0.5)
    assert np.allclose(made[name]["landmarks"], STORED[name]["landmarks"], atol=0.5)
    assert made[name]["probability"] == pytest.approx(STORED[name]["probability"], abs=1e-3)


@pytest.mark.parametrize("name", faces.NAMES)
def test_the_embedding_stays_what_it_was(name, made):
    assert np.allclose(made[name]["embedding"], STORED[name]["embedding"], atol=1e-3)
