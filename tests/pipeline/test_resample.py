"""Pictures are scaled by averaging, from no more halvings than leave them enough pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from recognition.pipeline.resample import crops, halvings, level_rows
from recognition.pipeline.types import Picture

#: Red grows to the right, green downwards, blue towards the right lower corner.
ACROSS, DOWN = np.meshgrid(np.linspace(0, 120, 473), np.linspace(0, 120, 331))
SMOOTH = np.stack([ACROSS, DOWN, ACROSS + DOWN], axis=-1).astype(np.uint8)


def averaged(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX)
    return np.moveaxis(np.asarray(image, np.float32), -1, 0)


@pytest.mark.parametrize("shrinkage, times", [(0.5, 0), (1.9, 0), (2.0, 1), (3.3, 1), (8.1, 3)])
def test_halvings_leave_at_least_the_pixels_wanted(shrinkage, times):
    assert halvings(shrinkage) == times


@pytest.mark.parametrize("size", [(473, 331), (300, 211), (142, 100), (17, 13)])
def test_level_rows_average_the_picture(size):
    level = level_rows(Picture.of(SMOOTH), size, 0, size[1])
    assert level.shape == (3, size[1], size[0])
    assert np.abs(level - averaged(SMOOTH, *size)).max() <= 4


def test_level_rows_are_the_same_in_pieces():
    picture, size = Picture.of(SMOOTH), (142, 100)
    whole = level_rows(picture, size, 0, 100)
    pieces = [level_rows(picture, size, first, first + 20) for first in range(0, 100, 20)]
    assert np.abs(np.concatenate(pieces, axis=1) - whole).max() <= 1


@pytest.mark.parametrize("size", [24, 48])
def test_crops_average_what_lies_between_the_edges(size):
    rows = np.array([[0, 0, 331, 331], [10, 20, 70, 80], [373, 231, 473, 331], [3, 5, 150, 152]])
    found = crops(Picture.of(SMOOTH), rows, size, spared_from=np.inf)
    for (left, top, right, bottom), crop in zip(rows, found, strict=True):
        assert np.abs(crop - averaged(SMOOTH[top:bottom, left:right], size, size)).max() <= 6


def test_crops_of_boxes_to_be_spared_leave_the_full_picture_undecoded():
    half = Image.fromarray(SMOOTH).reduce(2)
    picture = Picture(half, (473, 331), load=lambda: Image.fromarray(SMOOTH))
    crops(picture, np.array([[10, 10, 50, 50]]), 48, spared_from=38)
    assert picture.finest == 1
    crops(picture, np.array([[10, 10, 50, 50]]), 48, spared_from=np.inf)
    assert picture.finest == 0
