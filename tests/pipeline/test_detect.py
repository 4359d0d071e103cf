"""What detection promises about every picture: boxes, order, sizes, and no face in noise."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.pipeline import detect
from recognition.pipeline.detect import Detector
from recognition.pipeline.types import Picture
from tests.pipeline import faces

NOISE = np.random.default_rng(3).integers(0, 256, (480, 640, 3), dtype=np.uint8)


def test_detect_gives_the_largest_face_first(detector):
    found = detector.detect(faces.picture(faces.collage(6, 1800)))
    areas = [face.box.area for face in found]
    assert len(found) == 6
    assert areas == sorted(areas, reverse=True)


def test_detect_names_landmarks_from_the_left_of_the_picture(detector):
    (face,) = detector.detect(faces.picture(faces.photo("obama")))
    left_eye, right_eye, nose, mouth_left, mouth_right = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert mouth_left[0] < mouth_right[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(mouth_left[1], mouth_right[1])


def test_detect_keeps_the_box_of_a_cut_face_inside_the_picture(detector):
    image = faces.photo("obama_partial_face")
    (face,) = detector.detect(faces.picture(image))
    assert face.outline.x < 0 == face.box.x
    assert face.box.x + face.box.width <= image.width
    assert face.box.y + face.box.height <= image.height


@pytest.mark.parametrize("size", [(1, 1), (13, 13), (39, 39), (1, 3000), (3000, 1), (12, 4000)])
def test_detect_finds_nothing_in_pictures_without_room_for_a_face(size, detector):
    assert detector.detect(Picture.of(np.full((*size, 3), 128, np.uint8))) == []


@pytest.mark.parametrize("pixels", [NOISE, NOISE // 255 * 255, np.zeros_like(NOISE)])
def test_detect_finds_no_face_in_noise_and_blackness(pixels, detector):
    assert detector.detect(Picture.of(pixels)) == []


def test_detect_finds_a_face_in_a_very_wide_picture(detector):
    pixels = np.full((300, 5000, 3), 90, np.uint8)
    portrait = np.asarray(faces.scaled("astronaut", 300))
    pixels[:, 4000 : 4000 + portrait.shape[1]] = portrait
    (face,) = detector.detect(Picture.of(pixels))
    assert 4000 < face.box.x < 4300


def test_detect_leaves_out_faces_under_the_size_asked_for(detector):
    pixels = np.asarray(faces.scaled("obama", 120))
    assert detector.detect(Picture.of(pixels), min_face_size=96) == []
    (face,) = detector.detect(Picture.of(pixels), min_face_size=20)
    assert 20 <= face.box.size < 30


def test_detect_leaves_out_faces_under_the_confidence_asked_for(store, detector):
    pixels = np.asarray(faces.photo("obama"))
    probability = detector.detect(Picture.of(pixels))[0].probability
    stricter = Detector(*detector.networks, confidence=min(probability + 1e-4, 1.0))
    assert probability < 1 and stricter.detect(Picture.of(pixels)) == []


def test_detect_takes_pixels_that_are_not_contiguous(detector):
    pixels = np.asarray(faces.photo("obama"))
    (face,) = detector.detect(Picture.of(np.asfortranarray(pixels)))
    assert face.box == detector.detect(Picture.of(pixels))[0].box


def test_detect_in_strips_and_small_batches_finds_the_same(detector, monkeypatch):
    pixels = np.asarray(faces.collage(4, 900))
    whole = [face.box for face in detector.detect(Picture.of(pixels))]
    monkeypatch.setattr(detect, "STRIP_PIXELS", 10_000)
    monkeypatch.setattr(detect, "BATCH", 3)
    pieces = [face.box for face in detector.detect(Picture.of(pixels))]
    assert np.allclose([vars_of(b) for b in whole], [vars_of(b) for b in pieces], atol=0.05)


def vars_of(box) -> list[float]:
    return [box.x, box.y, box.width, box.height]


def test_detect_keeps_no_more_proposals_than_it_may(detector, monkeypatch):
    monkeypatch.setattr(detect, "MAX_PROPOSALS", 40)
    monkeypatch.setattr(detect, "MAX_CANDIDATES", 5)
    assert 1 <= len(detector.detect(faces.picture(faces.collage(9, 1200)))) <= 5
