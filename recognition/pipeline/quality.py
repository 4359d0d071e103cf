"""Measure how good a face is before it is searched or stored, and say what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from recognition.pipeline.align import aligned
from recognition.pipeline.types import Detection, Floats, Pixels, Quality

#: Side of the aligned crop that light and sharpness are measured on, so that they are comparable.
CROP_SIZE = 150
#: Red, green and blue in luma. Source: ITU-R BT.601, which Pillow's "L" follows.
#: The nose's place between the line of the eyes and that of the mouth, and how far its tip stands
#: before the eyes, in distances between the eyes: rough means of adult heads, good to about 10
#: degrees.
NOSE_DOWN, MOUTH_DOWN, NOSE_DEPTH, MOUTH_DEPTH = 0.594, 1.10, 0.55, 0.10


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What a face must reach. Chosen by ``manage.py measure_quality`` on LFW View 1.

    Sizes in pixels, angles in degrees either way; sharpness and brightness as ``measure`` has them.
    """

    min_size: float = 40
    min_sharpness: float = 0.0
    min_brightness: float = 20.0
    max_brightness: float = 250.0
    max_yaw: float = 75.0
    max_pitch: float = 75.0
    max_roll: float = 90.0


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


def measure(pixels: Pixels, detection: Detection) -> Quality:
    """Return the measured values of one face of a picture."""
    crop = Image.fromarray(aligned(pixels, detection.landmarks, size=CROP_SIZE)).convert("L")
    yaw, pitch, roll = pose(detection.landmarks)
    return Quality(
        size=round(detection.box.size, 1),
        sharpness=round(sharpness(crop), 3),
        brightness=round(float(np.asarray(crop, dtype=np.float32).mean()), 1),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )


def sharpness(crop: Image.Image) -> float:
    """Return the share of a crop's contrast that is lost by blurring it a little."""
    luma = np.asarray(crop, dtype=np.float32)
    soft = np.asarray(crop.filter(ImageFilter.GaussianBlur(2)), dtype=np.float32)
    return float((luma - soft).std() / max(luma.std(), 1.0))


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Estimate yaw, pitch and roll in degrees; 0 is frontal and upright.

    Yaw grows as the face turns to the right of the picture, pitch as it looks up, roll as it tilts
    clockwise.
    """
    left_eye, right_eye, nose, *mouth = landmarks.astype(np.float64) @ (1, 1j)
    across = right_eye - left_eye
    if not abs(across):
        return 0.0, 0.0, 0.0
    middle = (left_eye + right_eye) / 2
    upright_nose, upright_mouth = ((point - middle) / across for point in (nose, sum(mouth) / 2))
    yaw = np.arctan2(upright_nose.real, NOSE_DEPTH)
    share = upright_nose.imag / max(upright_mouth.imag, 0.1)
    pitch = np.arctan2(NOSE_DOWN - MOUTH_DOWN * share, max(NOSE_DEPTH - MOUTH_DEPTH * share, 0.01))
    degrees = np.degrees([yaw, pitch, np.angle(across)])
    return tuple(round(float(angle), 1) for angle in degrees)  # type: ignore[return-value]


def faults(quality: Quality, limits: QualityLimits) -> list[Fault]:
    """Return everything that is wrong with a face, its size first."""
    found = []
    if quality.size < limits.min_size:
        detail = f"The face is {quality.size:.0f} px wide, {limits.min_size:.0f} are needed."
        hint = "Come closer to the camera or send a larger picture."
        found.append(
            Fault("face_too_small", "size", detail, quality.size, limits.min_size, hint)
        )
    return found
