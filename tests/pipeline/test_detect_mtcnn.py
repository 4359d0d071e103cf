"""Detection finds what facenet-pytorch's MTCNN finds on the same pyramid.

Not to the pixel: of several nearly equal proposals another one may win, since pictures are halved
before they are scaled. What is lost by that is counted by ``python -m benchmarks.detection``.
"""

from __future__ import annotations

import numpy as np
import pytest
from facenet_pytorch import MTCNN

from tests.pipeline import faces

CONFIDENCE = 0.9


@pytest.fixture(scope="module")
def mtcnn() -> MTCNN:
    return MTCNN(keep_all=True, min_face_size=50)  # where our pyramid for faces of 40 px begins


def expected(mtcnn: MTCNN, image) -> tuple[np.ndarray, np.ndarray]:
    """Return the boxes (N, 4) left, top, right, bottom and the landmarks (N, 5, 2)."""
    boxes, probabilities, points = mtcnn.detect(image, landmarks=True)
    if boxes is None:
        return np.empty((0, 4)), np.empty((0, 5, 2))
    sure = np.asarray(probabilities, float) >= CONFIDENCE
    return np.asarray(boxes, float)[sure], np.asarray(points, float)[sure]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = np.prod(np.maximum(sides, 0))
    return shared / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared)


def edges(face) -> np.ndarray:
    box = face.outline
    return np.array([box.x, box.y, box.x + box.width, box.y + box.height])


@pytest.mark.parametrize("name", faces.COMPARED)
def test_detect_finds_the_same_faces_as_facenet_pytorch(name, detector, mtcnn):
    image = faces.COMPARED[name]()
    boxes, points = expected(mtcnn, image)
    found = detector.detect(faces.picture(image))
    assert len(found) == len(boxes)
    for box, landmarks in zip(boxes, points, strict=True):
        face = max(found, key=lambda face: overlap(edges(face), box))
        assert overlap(edges(face), box) >= 0.75
        assert np.abs(face.landmarks - landmarks).max() <= 0.08 * min(box[2:] - box[:2])
