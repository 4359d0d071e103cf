"""Find faces and their landmarks: MTCNN's three networks, with its arithmetic in numpy.

Source: arXiv:1604.02878. Pyramid, thresholds and rounding are those of facenet-pytorch's
``MTCNN.detect`` (MIT), whose weights the networks hold; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from recognition.pipeline.boxes import shifted, squared, suppress
from recognition.pipeline.resample import crops, level_rows
from recognition.pipeline.types import Box, Detection, Floats, Network, Picture

# facenet-pytorch's constants: what each network must reach, and how much each level shrinks.
PROPOSE, REFINE, SETTLE = 0.6, 0.7, 0.7
PYRAMID_FACTOR = 0.709
# PNet proposes squares, and faces are higher than wide: one of 40 px fills a square of 50. Of 1,407
# faces from 40 px on, in LFW's photographs halved, all were found with 1.4, one was lost with 1.5.
SQUARE = 1.25
# PNet looks at 12 pixels and moves by 2 (arXiv:1604.02878, figure 2).
CELL, STRIDE = 12, 2
RNET_SIZE, ONET_SIZE = 24, 48
# Sides of a box from which a large JPEG need not be decoded in full for RNet and ONet. What ONet
# then takes for a small face, with at least PROMISING, it looks at again as sharp as the picture
# has it. All that proved to be a face had more than 0.99 at first, in photographs of groups and in
# collages of faces of 48 px.
RNET_SPARED, ONET_SPARED = 24, 38
PROMISING = 0.7
# Bounds on memory and time for crowds and noise; a photograph of one face has about 60 proposals.
MAX_PROPOSALS, MAX_CANDIDATES, MAX_FACES = 4000, 1000, 500
# Crops run through RNet or ONet at once: what their layers hold stays in the cache.
BATCH = 32
SHARES = 2  # as many batches at the least, where they are run side by side
# PNet sees a level in strips of this many pixels, for the same reason.
STRIP_PIXELS = 24_000

T = TypeVar("T")
U = TypeVar("U")
Proposals = tuple[Floats, Floats, Floats]  # boxes (N, 4), probabilities (N,), calibrations (N, 4)


@dataclass(frozen=True, slots=True)
class Level:
    """The picture scaled by ``scale`` to ``size`` (width, height)."""

    scale: float
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Strip:
    """The part of a level that PNet makes its output rows [first, last) from."""

    level: Level
    first: int
    last: int

    @property
    def rows(self) -> tuple[int, int]:
        """The first and the last row of the level, [first, last)."""
        whole = self.last == output_rows(self.level)
        bottom = self.level.size[1] if whole else self.last * STRIDE + CELL - STRIDE
        return self.first * STRIDE, bottom


class Detector:
    """Finds faces with MTCNN's three converted networks; thread-safe when they are.

    Where ``workers`` returns some, several parts of a picture are looked at side by side.
    """

    def __init__(
        self,
        pnet: Network,
        rnet: Network,
        onet: Network,
        *,
        confidence: float = 0.9,
        workers: Callable[[], Executor | None] = lambda: None,
    ) -> None:
        self.networks = pnet, rnet, onet
        self.confidence = confidence
        self._workers = workers

    def detect(self, picture: Picture, *, min_face_size: int = 40) -> list[Detection]:
        """Return the faces whose shorter side is at least ``min_face_size``, and some smaller ones.

        Pixels of the picture; largest first.
        """
        boxes = self._refine(picture, self._propose(picture, min_face_size))
        boxes, points, probabilities = self._settle(picture, boxes)
        sure = probabilities >= self.confidence
        boxes, points, probabilities = boxes[sure], points[sure], probabilities[sure]
        found = [
            Detection(clipped(box, picture), landmarks, min(float(probability), 1.0), outline(box))
            for box, landmarks, probability in zip(boxes, points, probabilities, strict=True)
        ]
        whole = [face for face in found if face.box.size > 0]
        return sorted(whole, key=lambda face: face.box.area, reverse=True)[:MAX_FACES]

    def _propose(self, picture: Picture, min_face_size: int) -> Floats:
        """Return (N, 4) squares where PNet suspects a face, on any level of the pyramid."""
        levels = pyramid(picture, min_face_size)
        if not levels:
            return np.empty((0, 4), dtype=np.float32)
        strips = [strip for level in levels for strip in strips_of(level)]
        seen = self._side_by_side(lambda strip: self._look(picture, strip), strips)
        by_level: dict[Level, list[Proposals]] = {level: [] for level in levels}
        for strip, proposals in zip(strips, seen, strict=True):
            by_level[strip.level].append(proposals)
        kept = [best_of(joined(proposals), 0.5) for proposals in by_level.values()]
        boxes, _, offsets = best_of(joined(kept), 0.7)
        return squared(shifted(boxes, offsets, inclusive=False))

    def _look(self, picture: Picture, strip: Strip) -> Proposals:
        """Return what PNet takes for faces in one strip, in pixels of the picture."""
        pixels = normalised(level_rows(picture, strip.level.size, *strip.rows))
        offsets, chances = self.networks[0].run(pixels[None])
        probabilities = chances[0, -1]
        rows, columns = np.nonzero(probabilities >= PROPOSE)
        probabilities, offsets = probabilities[rows, columns], offsets[0][:, rows, columns].T
        rows += strip.first
        corners = np.stack([columns, rows, columns, rows], axis=1).astype(np.float32) * STRIDE
        corners += np.array([1, 1, CELL, CELL], dtype=np.float32)
        return np.floor(corners / np.float32(strip.level.scale)), probabilities, offsets

    def _refine(self, picture: Picture, boxes: Floats) -> Floats:
        """Return the (N, 4) squares that RNet takes for faces, moved onto them."""
        boxes, parts = cut(picture, boxes, RNET_SIZE, spared_from=RNET_SPARED)
        offsets, chances = self._run(self.networks[1], parts, widths=(4, 2))
        passed = chances[:, 1] > REFINE
        boxes, probabilities, offsets = boxes[passed], chances[passed, 1], offsets[passed]
        kept = suppress(boxes, probabilities, 0.7)[:MAX_CANDIDATES]
        return squared(shifted(boxes[kept], offsets[kept], inclusive=True))

    def _settle(self, picture: Picture, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """Return boxes (N, 4), landmarks (N, 5, 2) and probabilities (N,) from ONet."""
        boxes, offsets, shares, chances = self._examine(picture, boxes, ONET_SPARED)
        small = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) < 2 * ONET_SIZE
        again = small & (chances[:, 1] > PROMISING)
        if picture.finest and again.any():
            _, offsets[again], shares[again], chances[again] = self._examine(
                picture, boxes[again], np.inf
            )
        passed = chances[:, 1] > SETTLE
        boxes, probabilities = boxes[passed], chances[passed, 1]
        shares = shares[passed].reshape(-1, 2, 5).transpose(0, 2, 1)  # (N, 5, 2)
        sizes = boxes[:, 2:] - boxes[:, :2] + 1
        points = sizes[:, None] * shares + boxes[:, None, :2] - 1
        boxes = shifted(boxes, offsets[passed], inclusive=True)
        kept = suppress(boxes, probabilities, 0.7, nested=True)
        return boxes[kept], points[kept], probabilities[kept]

    def _examine(
        self, picture: Picture, boxes: Floats, spared_from: float
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the boxes that meet the picture, and ONet's three outputs for them."""
        boxes, parts = cut(picture, boxes, ONET_SIZE, spared_from=spared_from)
        offsets, shares, chances = self._run(self.networks[2], parts, widths=(4, 10, 2))
        return boxes, offsets, shares, chances

    def _run(self, network: Network, parts: Floats, *, widths: tuple[int, ...]) -> list[Floats]:
        """Run ``network`` on (N, 3, S, S) in batches; return its outputs, (N, width) each."""
        if not len(parts):
            return [np.empty((0, width), dtype=np.float32) for width in widths]
        size = min(BATCH, -(-len(parts) // SHARES)) if self._workers() else BATCH
        batches = [parts[at : at + size] for at in range(0, len(parts), size)]
        outputs = self._side_by_side(network.run, batches)
        return [np.concatenate(output) for output in zip(*outputs, strict=True)]

    def _side_by_side(self, act: Callable[[T], U], parts: Sequence[T]) -> list[U]:
        workers = self._workers() if len(parts) > 1 else None
        return list(workers.map(act, parts) if workers else map(act, parts))


def pyramid(picture: Picture, min_face_size: int) -> list[Level]:
    """Return the levels at which a face of each size in turn fills PNet's 12 pixels."""
    scale = CELL / (min_face_size * SQUARE)
    shorter = min(picture.width, picture.height) * scale
    levels: list[Level] = []
    while shorter >= CELL:
        size = int(picture.width * scale + 1), int(picture.height * scale + 1)
        levels.append(Level(scale, size))
        scale, shorter = scale * PYRAMID_FACTOR, shorter * PYRAMID_FACTOR
    return levels


def output_rows(level: Level) -> int:
    """Return how many rows PNet makes of a level."""
    return (level.size[1] - 1) // STRIDE - CELL // 2 + STRIDE


def strips_of(level: Level) -> Iterator[Strip]:
    """Return strips that give PNet's output rows one after the other, none twice."""
    rows = output_rows(level)
    step = max(1, STRIP_PIXELS // level.size[0] // STRIDE)
    for first in range(0, rows, step):
        yield Strip(level, first, min(first + step, rows))


def joined(proposals: Sequence[Proposals]) -> Proposals:
    """Return all proposals as one."""
    boxes, probabilities, offsets = (np.concatenate(part) for part in zip(*proposals, strict=True))
    return boxes, probabilities, offsets


def best_of(proposals: Proposals, limit: float) -> Proposals:
    """Return the best proposals, none overlapping a better one beyond ``limit``."""
    boxes, probabilities, offsets = proposals
    if len(probabilities) > MAX_PROPOSALS:
        best = np.argpartition(-probabilities, MAX_PROPOSALS)[:MAX_PROPOSALS]
        boxes, probabilities, offsets = boxes[best], probabilities[best], offsets[best]
    kept = suppress(boxes, probabilities, limit)
    return boxes[kept], probabilities[kept], offsets[kept]


def normalised(values: Floats) -> Floats:
    """Bring 0 to 255 to about -1 to 1, in place, as the networks were trained."""
    values -= np.float32(127.5)
    values *= np.float32(1 / 128)
    return values


def cut(picture: Picture, boxes: Floats, size: int, *, spared_from: float) -> tuple[Floats, Floats]:
    """Return the boxes that meet the picture and (N, 3, size, size) of what they hold of it."""
    edges = np.trunc(boxes).astype(np.int64)
    edges[:, :2] = np.maximum(edges[:, :2], 1) - 1
    edges[:, 2:] = np.minimum(edges[:, 2:], (picture.width, picture.height))
    meets = (edges[:, 2] > edges[:, 0]) & (edges[:, 3] > edges[:, 1])
    return boxes[meets], normalised(crops(picture, edges[meets], size, spared_from=spared_from))


def outline(box: Floats) -> Box:
    """Turn a row ``left, top, right, bottom`` into a Box."""
    left, top, right, bottom = (float(edge) for edge in box)
    return Box(left, top, right - left, bottom - top)


def clipped(box: Floats, picture: Picture) -> Box:
    """Return the part of a row ``left, top, right, bottom`` that lies in the picture."""
    ends = np.array([picture.width, picture.height] * 2, dtype=np.float32)
    return outline(np.clip(box, 0, ends))
