"""Find faces and their landmarks: MTCNN's three networks, with its arithmetic in numpy.

Source: arXiv:1604.02878. Pyramid, thresholds and rounding are those of facenet-pytorch's
``MTCNN.detect`` (MIT), whose weights the networks hold; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recognition.pipeline.boxes import shifted, squared, suppress
from recognition.pipeline.resample import Mipmap
from recognition.pipeline.types import Box, Detection, Floats, Network, Pixels

# facenet-pytorch's constants: what each network must reach, and how much each level shrinks.
PROPOSE, REFINE, SETTLE = 0.6, 0.7, 0.7
PYRAMID_FACTOR = 0.709
# PNet looks at 12 pixels and moves by 2 (arXiv:1604.02878, figure 2).
CELL, STRIDE = 12, 2
RNET_SIZE, ONET_SIZE = 24, 48
# Bounds on memory and time for crowds and noise; a photograph of one face has about 60 proposals.
MAX_PROPOSALS, MAX_CANDIDATES, MAX_FACES = 4000, 1000, 500
BATCH = 128
# PNet sees a level in strips of this many pixels: what its layers hold then stays in the cache, and
# a level of 1200 x 900 takes a third less time than in one piece.
STRIP_PIXELS = 40_000


class Detector:
    """Finds faces with MTCNN's three converted networks; thread-safe when they are."""

    def __init__(
        self, pnet: Network, rnet: Network, onet: Network, *, confidence: float = 0.9
    ) -> None:
        self.networks = pnet, rnet, onet
        self.confidence = confidence

    def detect(self, pixels: Pixels, *, min_face_size: int = 40) -> list[Detection]:
        """Return the faces at least about ``min_face_size`` pixels wide, largest first."""
        picture = Mipmap(pixels)
        boxes = self._refine(picture, self._propose(picture, min_face_size))
        boxes, points, scores = self._settle(picture, boxes)
        sure = scores >= self.confidence
        boxes, points, scores = boxes[sure], points[sure], scores[sure]
        found = [
            Detection(clipped(box, picture.size), landmarks, min(float(score), 1.0), outline(box))
            for box, landmarks, score in zip(boxes, points, scores, strict=True)
        ]
        whole = [face for face in found if face.box.size > 0]
        return sorted(whole, key=lambda face: face.box.area, reverse=True)[:MAX_FACES]

    def _propose(self, picture: Mipmap, min_face_size: int) -> Floats:
        """Return (N, 4) squares where PNet suspects a face, on any level of the pyramid."""
        scales = pyramid_scales(picture.size, min_face_size)
        if not scales:
            return np.empty((0, 4), dtype=np.float32)
        width, height = picture.size
        levels = picture.pyramid([(int(width * s + 1), int(height * s + 1)) for s in scales])
        found = [
            self._propose_on_level(normalised(level), scale)
            for level, scale in zip(levels, scales, strict=True)
        ]
        boxes, scores, offsets = (np.concatenate(parts) for parts in zip(*found, strict=True))
        kept = suppress(boxes, scores, 0.7)[:MAX_PROPOSALS]
        return squared(shifted(boxes[kept], offsets[kept], inclusive=False))

    def _propose_on_level(self, level: Floats, scale: float) -> tuple[Floats, Floats, Floats]:
        """Return boxes (N, 4), probabilities (N,) and calibrations (N, 4) from one level."""
        offsets, scores = self._look_everywhere(level)
        rows, columns = np.nonzero(scores >= PROPOSE)
        scores, offsets = scores[rows, columns], offsets[:, rows, columns].T
        if len(scores) > MAX_PROPOSALS:
            best = np.argpartition(-scores, MAX_PROPOSALS)[:MAX_PROPOSALS]
            rows, columns, scores, offsets = rows[best], columns[best], scores[best], offsets[best]
        corners = np.stack([columns, rows, columns, rows], axis=1).astype(np.float32) * STRIDE
        corners += np.array([1, 1, CELL, CELL], dtype=np.float32)
        boxes = np.floor(corners / np.float32(scale))
        kept = suppress(boxes, scores, 0.5)
        return boxes[kept], scores[kept], offsets[kept]

    def _look_everywhere(self, level: Floats) -> tuple[Floats, Floats]:
        """Run PNet on (3, H, W), in strips; return (4, h, w) calibrations, (h, w) probabilities."""
        outputs = [self.networks[0].run(strip[None]) for strip in strips(level)]
        offsets = np.concatenate([output[0][0] for output in outputs], axis=1)
        scores = np.concatenate([output[1][0, -1] for output in outputs])
        return offsets, scores

    def _refine(self, picture: Mipmap, boxes: Floats) -> Floats:
        """Return the (N, 4) squares that RNet takes for faces, moved onto them."""
        boxes, crops = cut(picture, boxes, RNET_SIZE)
        offsets, chances = run_batched(self.networks[1], crops, widths=(4, 2))
        passed = chances[:, 1] > REFINE
        boxes, scores, offsets = boxes[passed], chances[passed, 1], offsets[passed]
        kept = suppress(boxes, scores, 0.7)[:MAX_CANDIDATES]
        return squared(shifted(boxes[kept], offsets[kept], inclusive=True))

    def _settle(self, picture: Mipmap, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """Return boxes (N, 4), landmarks (N, 5, 2) and probabilities (N,) from ONet."""
        boxes, crops = cut(picture, boxes, ONET_SIZE)
        offsets, shares, chances = run_batched(self.networks[2], crops, widths=(4, 10, 2))
        passed = chances[:, 1] > SETTLE
        boxes, scores = boxes[passed], chances[passed, 1]
        shares = shares[passed].reshape(-1, 2, 5).transpose(0, 2, 1)  # (N, 5, 2)
        sizes = boxes[:, 2:] - boxes[:, :2] + 1
        points = sizes[:, None] * shares + boxes[:, None, :2] - 1
        boxes = shifted(boxes, offsets[passed], inclusive=True)
        kept = suppress(boxes, scores, 0.7, nested=True)
        return boxes[kept], points[kept], scores[kept]


def pyramid_scales(size: tuple[int, int], min_face_size: int) -> list[float]:
    """Return the scales at which a face of each size in turn fills PNet's 12 pixels."""
    scale, shorter, scales = CELL / min_face_size, min(size) * CELL / min_face_size, []
    while shorter >= CELL:
        scales.append(scale)
        scale, shorter = scale * PYRAMID_FACTOR, shorter * PYRAMID_FACTOR
    return scales


def normalised(values: Floats) -> Floats:
    """Bring 0 to 255 to about -1 to 1, in place, as the networks were trained."""
    values -= np.float32(127.5)
    values *= np.float32(1 / 128)
    return values


def strips(level: Floats) -> Iterator[Floats]:
    """Cut (3, H, W) into strips that give PNet's output rows one after the other, none twice."""
    _, height, width = level.shape
    cells = (height - 1) // STRIDE - 4  # PNet's output rows
    step = max(1, STRIP_PIXELS // width // STRIDE)
    for first in range(0, cells, step):
        last = first + step >= cells
        bottom = height if last else (first + step) * STRIDE + CELL - STRIDE
        yield level[:, first * STRIDE : bottom]


def cut(picture: Mipmap, boxes: Floats, size: int) -> tuple[Floats, Floats]:
    """Return the boxes that meet the picture and (N, 3, size, size) of what they hold of it."""
    width, height = picture.size
    edges = np.trunc(boxes).astype(np.int64)
    edges[:, :2] = np.maximum(edges[:, :2], 1) - 1
    edges[:, 2:] = np.minimum(edges[:, 2:], (width, height))
    meets = (edges[:, 2] > edges[:, 0]) & (edges[:, 3] > edges[:, 1])
    return boxes[meets], normalised(picture.crops(edges[meets], size))


def run_batched(network: Network, crops: Floats, *, widths: tuple[int, ...]) -> list[Floats]:
    """Run ``network`` on (N, 3, S, S) in bounded batches; return its outputs, (N, width) each."""
    if not len(crops):
        return [np.empty((0, width), dtype=np.float32) for width in widths]
    batches = [network.run(crops[at : at + BATCH]) for at in range(0, len(crops), BATCH)]
    return [np.concatenate(outputs) for outputs in zip(*batches, strict=True)]


def outline(box: Floats) -> Box:
    """Turn a row ``left, top, right, bottom`` into a Box."""
    left, top, right, bottom = (float(edge) for edge in box)
    return Box(left, top, right - left, bottom - top)


def clipped(box: Floats, size: tuple[int, int]) -> Box:
    """Return the part of a row ``left, top, right, bottom`` that lies in the picture."""
    return outline(np.clip(box, 0, np.array([*size, *size], dtype=np.float32)))
