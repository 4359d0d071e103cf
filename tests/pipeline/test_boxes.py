"""Suppression of boxes gives what torchvision gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.ops import nms

from recognition.pipeline import boxes as module
from recognition.pipeline.boxes import overlaps, squared, suppress


def random_boxes(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(count)
    corners = generator.uniform(0, 200, (count, 2))
    rows = np.concatenate([corners, corners + generator.uniform(5, 80, (count, 2))], axis=1)
    return rows.astype(np.float32), generator.uniform(size=count).astype(np.float32)


@pytest.mark.parametrize("count", [0, 1, 2, 50, 256, 257, 1500])
@pytest.mark.parametrize("limit", [0.3, 0.7])
def test_suppress_keeps_the_boxes_that_torchvision_keeps(count, limit):
    rows, scores = random_boxes(count)
    expected = nms(torch.from_numpy(rows), torch.from_numpy(scores), limit)
    assert suppress(rows, scores, limit).tolist() == expected.tolist()


def test_suppress_gives_the_same_in_blocks_of_any_size(monkeypatch):
    rows, scores = random_boxes(300)
    expected = suppress(rows, scores, 0.5).tolist()
    monkeypatch.setattr(module, "BLOCK", 7)
    assert suppress(rows, scores, 0.5).tolist() == expected


def test_nested_overlap_is_of_the_smaller_box():
    small, large = np.array([[10, 10, 19, 19]], np.float32), np.array([[0, 0, 99, 99]], np.float32)
    assert overlaps(small, large, nested=True) == pytest.approx(1.0)
    assert overlaps(small, large) == pytest.approx(81 / 9801)


def test_squared_keeps_centre_and_longer_side():
    assert squared(np.array([[10, 20, 30, 80]], np.float32)).tolist() == [[-10, 20, 50, 80]]
