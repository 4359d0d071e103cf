"""Quality: what is measured follows what was done to the photograph, and faults say what to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from recognition.pipeline.align import PLACES
from recognition.pipeline.quality import QualityLimits, faults, measure, pose, sharpness
from recognition.pipeline.types import Picture, Quality
from tests.pipeline import faces

GOOD = Quality(size=100, sharpness=1, brightness=120, yaw=0, pitch=0, roll=0)
LIMITS = QualityLimits()


def quality(detector, image: Image.Image) -> Quality:
    pixels = np.asarray(image)
    return measure(Picture.of(pixels), detector.detect(Picture.of(pixels), min_face_size=20)[0])


@pytest.mark.parametrize("name", faces.NAMES)
def test_good_photographs_have_no_faults(name, detector):
    assert faults(quality(detector, faces.photo(name)), LIMITS) == []


def test_the_size_is_the_shorter_side_of_the_box(detector):
    pixels = np.asarray(faces.photo("obama"))
    (face,) = detector.detect(Picture.of(pixels))
    measured = measure(Picture.of(pixels), face).size
    assert measured == pytest.approx(min(face.box.width, face.box.height), abs=0.05)


@pytest.mark.parametrize("name", ["obama", "biden", "astronaut"])
def test_a_blurred_face_is_not_sharp(name, detector):
    image = faces.photo(name)
    sigma = 4 * quality(detector, image).size / 115  # 4 px in the crop, where faces are 115 wide
    blurred = quality(detector, image.filter(ImageFilter.GaussianBlur(sigma)))
    assert [fault.reason for fault in faults(blurred, LIMITS)] == ["sharpness"]


def test_sharpness_does_not_change_with_light_or_size(detector):
    image = faces.scaled("obama", 700)
    sharp = quality(detector, image).sharpness
    dim = quality(detector, ImageEnhance.Brightness(image).enhance(0.5)).sharpness
    assert dim == pytest.approx(sharp, rel=0.05)
    assert quality(detector, faces.scaled("obama", 500)).sharpness > 0.7 * sharp


def test_a_face_of_forty_pixels_is_sharp_enough(detector):
    small = quality(detector, faces.scaled("obama", 190))
    assert 38 <= small.size <= 50
    assert small.sharpness > LIMITS.min_sharpness


def test_a_darkened_face_is_dark(detector):
    pixels = np.asarray(faces.photo("obama"))
    (face,) = detector.detect(Picture.of(pixels))
    light = measure(Picture.of(pixels), face)
    dark = measure(Picture.of((pixels * 0.1).astype(np.uint8)), face)
    assert dark.brightness == pytest.approx(light.brightness / 10, abs=1)
    assert [fault.reason for fault in faults(dark, LIMITS)] == ["brightness"]


def test_a_shrunk_face_is_too_small_first_of_all(detector):
    small = quality(detector, faces.scaled("obama", 100))
    first = faults(small, LIMITS)[0]
    assert first.code == "face_too_small"
    assert first.detail == f"The face is {small.size:.0f} px wide, 40 are needed."
    assert (first.measured, first.limit) == (small.size, 40)


@pytest.mark.parametrize("degrees", [-30, -10, 15, 40])
def test_roll_is_the_angle_that_the_head_is_tilted_by(degrees):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    yaw, pitch, roll = pose((PLACES @ turn.T).astype(np.float32))
    assert roll == pytest.approx(degrees, abs=0.2)
    assert (abs(yaw), abs(pitch)) < (1, 1)


def test_yaw_and_pitch_grow_as_the_nose_moves_aside_and_up():
    aside, up = PLACES.copy(), PLACES.copy()
    aside[2, 0] += 15
    up[2, 1] -= 10
    assert pose(aside.astype(np.float32))[0] == pytest.approx(27, abs=3)
    assert pose(up.astype(np.float32))[1] == pytest.approx(20, abs=4)


def test_a_mirrored_face_looks_the_other_way(detector):
    image = faces.photo("biden")
    yaw, mirrored = quality(detector, image).yaw, quality(detector, ImageOps.mirror(image)).yaw
    assert yaw > 8
    assert mirrored == pytest.approx(-yaw, abs=4)


def test_pose_of_landmarks_that_coincide_is_frontal():
    assert pose(np.ones((5, 2), np.float32)) == (0, 0, 0)


@pytest.mark.parametrize(("reason", "limit"), [("yaw", 55), ("pitch", 45), ("roll", 60)])
@pytest.mark.parametrize("sign", [1, -1])
def test_faces_turned_too_far_are_faults_either_way(reason, limit, sign):
    (fault,) = faults(replace(GOOD, **{reason: sign * (limit + 1)}), LIMITS)
    assert (fault.code, fault.reason, fault.measured) == ("low_quality", reason, limit + 1)
    assert fault.hint
    assert faults(replace(GOOD, **{reason: sign * limit}), LIMITS) == []


@pytest.mark.parametrize(
    ("reason", "limit"), [("size", 40), ("sharpness", 0.5), ("brightness", 25)]
)
def test_what_just_reaches_a_limit_is_no_fault(reason, limit):
    assert faults(replace(GOOD, **{reason: limit}), LIMITS) == []
    (fault,) = faults(replace(GOOD, **{reason: limit - 0.01}), LIMITS)
    assert (fault.reason, fault.limit) == (reason, limit)


def test_noise_of_one_grey_level_makes_no_face_sharp():
    dots = np.random.default_rng(1).random((150, 150)) < 0.05
    crop = Image.fromarray(np.where(dots, 129, 128).astype(np.uint8))
    assert 0 < sharpness(crop) < LIMITS.min_sharpness


def test_every_fault_is_told():
    bad = Quality(size=10, sharpness=0.1, brightness=3, yaw=80, pitch=-80, roll=90)
    reasons = [fault.reason for fault in faults(bad, LIMITS)]
    assert reasons == ["size", "sharpness", "brightness", "yaw", "pitch", "roll"]
