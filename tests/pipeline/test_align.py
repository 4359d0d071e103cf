"""Crops: landmarks come to their places, and facenet-pytorch's rule is kept to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from facenet_pytorch.models.utils.detect_face import extract_face
from PIL import Image

from recognition.pipeline.align import PLACES, aligned, similarity_transform, with_margin
from recognition.pipeline.types import Box, Picture
from tests.pipeline import faces


def transformed(points: np.ndarray, *, scale: float, degrees: float, shift) -> np.ndarray:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * points @ turn.T + shift


def white_dots(points: np.ndarray, size: tuple[int, int], radius: int) -> np.ndarray:
    """Return a black picture with a white square about each of the (x, y) points."""
    pixels = np.zeros((*size, 3), np.uint8)
    for x, y in np.rint(points).astype(int):
        pixels[y - radius : y + radius + 1, x - radius : x + radius + 1] = 255
    return pixels


def centre_of_light(pixels: np.ndarray, near: np.ndarray, radius: int = 10) -> np.ndarray:
    """Return the (x, y) centre of brightness within ``radius`` of a point."""
    x, y = np.rint(near).astype(int)
    window = pixels[y - radius : y + radius + 1, x - radius : x + radius + 1, 0].astype(float)
    rows, columns = np.mgrid[y - radius : y + radius + 1, x - radius : x + radius + 1]
    return np.array([(columns * window).sum(), (rows * window).sum()]) / window.sum()


def test_similarity_transform_finds_turn_scale_and_shift():
    moved = transformed(PLACES, scale=2.5, degrees=30, shift=(7, -4))
    matrix = similarity_transform(PLACES, moved)
    assert np.allclose(PLACES @ matrix[:, :2].T + matrix[:, 2], moved)


def test_similarity_transform_has_the_least_squares_of_all():
    generator = np.random.default_rng(2)
    points = PLACES + generator.normal(scale=5, size=PLACES.shape)
    best = similarity_transform(points, PLACES)

    def squares(matrix: np.ndarray) -> float:
        return float(((points @ matrix[:, :2].T + matrix[:, 2] - PLACES) ** 2).sum())

    for change in generator.normal(scale=0.01, size=(50, 4)):
        a, b, x, y = (best[0, 0], best[1, 0], best[0, 2], best[1, 2]) + change
        assert squares(np.array([[a, -b, x], [b, a, y]])) >= squares(best)


def test_similarity_transform_takes_points_that_coincide():
    matrix = similarity_transform(np.ones((5, 2)), PLACES)
    assert np.allclose(matrix[:, :2], np.eye(2))
    assert np.allclose((1, 1) @ matrix[:, :2].T + matrix[:, 2], PLACES.mean(axis=0))


@pytest.mark.parametrize("scale", [0.5, 1, 3, 9])
@pytest.mark.parametrize("degrees", [0, -40, 170])
def test_aligned_brings_landmarks_to_their_places(scale, degrees):
    middle = np.array([1000, 1000])
    landmarks = transformed(PLACES - 75, scale=scale, degrees=degrees, shift=middle)
    pixels = white_dots(landmarks, (2000, 2000), radius=max(1, round(2 * scale)))
    crop = aligned(Picture.of(pixels), landmarks.astype(np.float32))
    for place in PLACES:
        assert np.abs(centre_of_light(crop, place) - place).max() < 0.75 / min(scale, 1)


def test_aligned_averages_the_pixels_of_large_faces():
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 200
    crop = aligned(Picture.of(stripes), (PLACES * 8).astype(np.float32))
    assert np.abs(crop[5:-5, 5:-5].astype(int) - 100).max() <= 1


def test_aligned_is_black_outside_the_picture():
    white = np.full((150, 75, 3), 255, np.uint8)
    crop = aligned(Picture.of(white), PLACES.astype(np.float32))
    assert crop[:, :74].min() == 255
    assert crop[:, 76:].max() == 0


@pytest.mark.parametrize("place", [(-1e5, 0), (0, 1e6), (1e7, 1e7)])
def test_aligned_takes_landmarks_far_outside_the_picture(place):
    landmarks = (PLACES + place).astype(np.float32)
    assert not aligned(Picture.of(np.full((50, 50, 3), 255, np.uint8)), landmarks).any()


@pytest.mark.parametrize("spread", [0, 1e-3, 1e4])
def test_aligned_takes_landmarks_that_make_no_face(spread):
    landmarks = (PLACES * spread).astype(np.float32)
    assert aligned(faces.picture(faces.photo("obama")), landmarks).shape == (150, 150, 3)


@pytest.mark.parametrize("name", faces.NAMES)
def test_with_margin_cuts_what_facenet_pytorch_cuts(name, detector):
    image = faces.photo(name)
    (face,) = detector.detect(faces.picture(image))
    box = face.outline
    edges = np.array([box.x, box.y, box.x + box.width, box.y + box.height])
    expected = extract_face(image, edges, image_size=160, margin=14).permute(1, 2, 0).numpy()
    crop = with_margin(faces.picture(image), box, size=160, margin=14)
    assert np.abs(crop - np.rint(expected * (255 if expected.max() <= 1 else 1))).max() <= 1


@pytest.mark.parametrize("box", [(-50, -50, 10, 10), (900, 900, 5, 5), (3, 3, 0, 0)])
def test_with_margin_takes_boxes_without_pixels(box):
    crop = with_margin(faces.picture(faces.photo("obama")), Box(*box), size=160, margin=14)
    assert crop.shape == (160, 160, 3)


def test_with_margin_cuts_from_the_full_picture():
    pixels = np.asarray(Image.new("RGB", (400, 400), (10, 20, 30)))
    crop = with_margin(Picture.of(pixels), Box(100, 100, 200, 200), size=160, margin=14)
    assert crop.shape == (160, 160, 3)
    assert np.all(crop == (10, 20, 30))
