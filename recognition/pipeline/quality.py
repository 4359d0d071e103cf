"""Measure how good a face is before it is searched or stored, and say what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from recognition.pipeline.align import PLACES, PLACES_SIZE, aligned
from recognition.pipeline.types import Detection, Floats, Picture, Quality

#: The face within its aligned crop, from brow to chin and ear to ear: rows, columns.
INSIDE = slice(25, 130), slice(25, 125)
#: Finest, middle and coarsest detail: what blurs of these sigmas, in pixels of the crop, take away.
FINE, COARSE = 2, 4
#: Detail less than this (grey levels) is noise: a face without any is not sharp.
LEAST_DETAIL = 0.5
#: How far nose and mouth stand before the eyes, in distances between the eyes. Rough means of
#: adult heads: the angles are estimates, good to about 10 degrees.
NOSE_DEPTH, MOUTH_DEPTH = 0.55, 0.10


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What a face must reach; pixels, values as ``measure`` has them, degrees either way.

    Chosen on LFW View 1 by ``manage.py measure_quality``: each refuses under 1 % of its
    photographs; together at least 95 % of them blurred, darkened or shrunk.
    """

    min_size: float = 40
    min_sharpness: float = 0.5
    min_brightness: float = 25
    max_yaw: float = 55
    max_pitch: float = 45
    max_roll: float = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a face.

    ``code``: face_too_small or low_quality; ``reason``: the name of the measured value;
    ``detail``: what was found, in a sentence; ``hint``: what a person can do about it.
    """

    code: str
    reason: str
    detail: str
    measured: float
    limit: float
    hint: str


def measure(picture: Picture, detection: Detection) -> Quality:
    """Return the measured values of one face of a picture, light and sharpness in its crop."""
    crop = Image.fromarray(aligned(picture, detection.landmarks, size=PLACES_SIZE)).convert("L")
    yaw, pitch, roll = pose(detection.landmarks)
    return Quality(
        size=round(detection.box.size, 1),
        sharpness=round(sharpness(crop), 3),
        brightness=round(float(np.asarray(crop, dtype=np.float32)[INSIDE].mean()), 1),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )


def sharpness(crop: Image.Image) -> float:
    """Return how strong a crop's finest detail is beside the next coarser one.

    About 0.9 in press photographs and 1.0 to 1.5 in sharp ones, 0.4 where they are out of focus. A
    ratio, so that neither light nor contrast changes it.
    """
    full, soft, softer = (
        np.asarray(image, dtype=np.float32)[INSIDE]
        for image in (
            crop,
            crop.filter(ImageFilter.GaussianBlur(FINE)),
            crop.filter(ImageFilter.GaussianBlur(COARSE)),
        )
    )
    return float((full - soft).std() / max((soft - softer).std(), LEAST_DETAIL))


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Estimate yaw, pitch and roll in degrees; 0 is frontal and upright.

    Yaw grows as the face turns to the right of the picture, pitch as it looks up, roll as it tilts
    clockwise. Nose and mouth move against the eyes by their depth times the angle's tangent.
    """
    points = landmarks.astype(np.float64) @ (1, 1j)
    across = points[1] - points[0]
    if not abs(across):
        return 0.0, 0.0, 0.0
    nose, mouth = nose_and_mouth(points)
    frontal_nose, frontal_mouth = nose_and_mouth(PLACES @ (1, 1j))
    yaw = np.arctan2(nose.real, NOSE_DEPTH)
    share = nose.imag / max(mouth.imag, 0.1)
    rise = frontal_nose.imag - frontal_mouth.imag * share
    pitch = np.arctan2(rise, max(NOSE_DEPTH - MOUTH_DEPTH * share, 0.01))
    return degrees(yaw), degrees(pitch), degrees(np.angle(across))


def nose_and_mouth(points: np.ndarray) -> tuple[complex, complex]:
    """Return where nose and mouth lie from the middle of the eyes, in distances between these."""
    left_eye, right_eye, nose, mouth_left, mouth_right = points
    middle, across = (left_eye + right_eye) / 2, right_eye - left_eye
    return (nose - middle) / across, ((mouth_left + mouth_right) / 2 - middle) / across


def degrees(angle: float) -> float:
    """Return an angle in degrees, to a tenth."""
    return round(float(np.degrees(angle)), 1)


def faults(quality: Quality, limits: QualityLimits) -> list[Fault]:
    """Return everything that is wrong with a face, its size first."""
    return [
        *_too_low("size", quality.size, limits.min_size),
        *_too_low("sharpness", quality.sharpness, limits.min_sharpness),
        *_too_low("brightness", quality.brightness, limits.min_brightness),
        *_turned("yaw", quality.yaw, limits.max_yaw),
        *_turned("pitch", quality.pitch, limits.max_pitch),
        *_turned("roll", quality.roll, limits.max_roll),
    ]


#: What is said of each measured value: the code, the sentence and what to do.
SAID = {
    "size": (
        "face_too_small",
        "The face is {measured:.0f} px wide, {limit:.0f} are needed.",
        "Come closer to the camera or send a larger picture.",
    ),
    "sharpness": (
        "low_quality",
        "The face is blurred: sharpness {measured:.2f}, {limit:.2f} is needed.",
        "Hold still, let the camera focus, and send the picture unreduced.",
    ),
    "brightness": (
        "low_quality",
        "The face is dark: brightness {measured:.0f} of 255, {limit:.0f} is needed.",
        "Turn to the light, or switch one on.",
    ),
    "yaw": (
        "low_quality",
        "The face is turned aside by about {measured:.0f} degrees, {limit:.0f} are allowed.",
        "Look into the camera.",
    ),
    "pitch": (
        "low_quality",
        "The face looks up or down by about {measured:.0f} degrees, {limit:.0f} are allowed.",
        "Hold the camera at the height of the eyes and look into it.",
    ),
    "roll": (
        "low_quality",
        "The head is tilted by about {measured:.0f} degrees, {limit:.0f} are allowed.",
        "Hold the head or the camera upright.",
    ),
}


def _too_low(reason: str, measured: float, limit: float) -> list[Fault]:
    return [_fault(reason, measured, limit)] if measured < limit else []


def _turned(reason: str, measured: float, limit: float) -> list[Fault]:
    return [_fault(reason, abs(measured), limit)] if abs(measured) > limit else []


def _fault(reason: str, measured: float, limit: float) -> Fault:
    code, detail, hint = SAID[reason]
    return Fault(code, reason, detail.format(measured=measured, limit=limit), measured, limit, hint)
