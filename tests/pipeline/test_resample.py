"""Averages of areas are those of torch's adaptive pooling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from recognition.pipeline import resample
from recognition.pipeline.resample import Mipmap, half

PIXELS = np.random.default_rng(5).integers(0, 256, (331, 473, 3), dtype=np.uint8)


def pooled(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    planes = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]
    return interpolate(planes, size=(height, width), mode="area")[0].numpy()


@pytest.mark.parametrize("strip", [1, 7_000, 10_000_000])
def test_pyramid_averages_as_adaptive_pooling_does(strip, monkeypatch):
    monkeypatch.setattr(resample, "STRIP_PIXELS", strip)
    sizes = [(473, 331), (300, 211), (142, 100), (17, 13)]
    for size, level in zip(sizes, Mipmap(PIXELS).pyramid(sizes), strict=True):
        assert np.abs(level - pooled(PIXELS, *size)).max() < 1e-3


def test_pyramid_of_bright_pictures_does_not_overflow():
    white = np.full((1400, 1400, 3), 255, np.uint8)
    (level,) = Mipmap(white).pyramid([(22, 22)])
    assert np.all(level == 255)


def test_what_is_shrunk_very_often_is_halved_first():
    pixels = np.repeat(np.repeat(PIXELS, 8, axis=0), 8, axis=1)
    expected = pooled(pixels, 14, 12)
    (level,) = Mipmap(pixels).pyramid([(14, 12)])
    (crop,) = Mipmap(pixels).crops(np.array([[0, 0, 3784, 2648]]), 24)
    assert np.abs(level - expected).max() < 3
    assert np.abs(crop - pooled(pixels, 24, 24)).max() < 6


@pytest.mark.parametrize("size", [24, 48])
def test_crops_average_as_adaptive_pooling_does(size):
    rows = np.array([[0, 0, 473, 331], [10, 20, 34, 44], [465, 0, 473, 331], [3, 5, 150, 160]])
    crops = Mipmap(PIXELS).crops(rows, size)
    for (left, top, right, bottom), crop in zip(rows, crops, strict=True):
        assert np.abs(crop - pooled(PIXELS[top:bottom, left:right], size, size)).max() < 1e-3


def test_crops_in_small_groups_are_the_same(monkeypatch):
    rows = np.array([[n, n, n + 40 + n, n + 50] for n in range(30)])
    whole = Mipmap(PIXELS).crops(rows, 24)
    monkeypatch.setattr(resample, "CHUNK_BYTES", 1)
    assert np.array_equal(Mipmap(PIXELS).crops(rows, 24), whole)


@pytest.mark.parametrize("shape", [(1, 1), (5, 4), (7, 1), (331, 473)])
def test_half_is_the_mean_of_four(shape):
    pixels = PIXELS[: shape[0], : shape[1]]
    padded = np.pad(pixels, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge")
    expected = padded.reshape(-(-shape[0] // 2), 2, -(-shape[1] // 2), 2, 3).mean(axis=(1, 3))
    assert np.abs(half(pixels) - expected).max() <= 0.5
