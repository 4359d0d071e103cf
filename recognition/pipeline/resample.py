"""Average areas of pictures, as the detector's networks were trained, in bounded time and memory.

The areas are those of adaptive average pooling: value i of m is the mean of the pixels from
floor(i * n / m) to ceil((i + 1) * n / m) of n, so that neighbours may share one. They are exact:
the detector prefers one of many nearly equal proposals, and the least noise makes it another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recognition.pipeline.types import Floats, Pixels

Integers = NDArray[np.int64]
Packed = NDArray[np.uint64]

#: Red, green and blue are summed side by side in one 64-bit number, 21 bits each; sums of up to
#: 2^21 / 255 = 8,224 pixels fit. What is shrunk more often than that, along a side, is halved.
LANE, SHRINKAGE = np.uint64(21), 64
LANE_MASK = np.uint64((1 << 21) - 1)
#: Crops of so many pixels for a value, along a side, are cut from a halved picture.
CROP_SHRINKAGE = 32
#: Pixels worked on at once, so that what lies between stays in the processor's cache.
STRIP_PIXELS = 400_000
#: Bytes of intermediate sums for the rectangles averaged together.
CHUNK_BYTES = 4_000_000


class Mipmap:
    """A picture and its halvings, each made when it is first wanted; for one thread."""

    def __init__(self, pixels: Pixels) -> None:
        self._halvings = [pixels]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the full picture."""
        return self._halvings[0].shape[1], self._halvings[0].shape[0]

    def pyramid(self, sizes: Sequence[tuple[int, int]]) -> list[Floats]:
        """Return the whole picture at each (width, height) as (3, height, width) means."""
        levels = [Level(self.size, size) for size in sizes]
        for times in range(16):
            due = [level for level in levels if halvings(level.shrinkage, SHRINKAGE) == times]
            if due:
                fill(due, self.halved(times), 2**times)
        return [level.means for level in levels]

    def crops(self, rectangles: Integers, size: int) -> Floats:
        """Return (N, 3, size, size) means of areas of ``left, top, right, bottom`` rows (N, 4)."""
        crops = np.empty((len(rectangles), 3, size, size), dtype=np.float32)
        sides = (rectangles[:, 2:] - rectangles[:, :2]).max(axis=1)
        for rows in similar_sides(sides, size):
            times = halvings(float(sides[rows].min() / size), CROP_SHRINKAGE)
            pixels = self.halved(times)
            crops[rows] = average_rectangles(pixels, rectangles[rows] >> times, size)
        return crops

    def halved(self, times: int) -> Pixels:
        """Return the (H / 2^times, W / 2^times, 3) picture, sides rounded up."""
        while len(self._halvings) <= times:
            self._halvings.append(half(self._halvings[-1]))
        return self._halvings[times]


class Level:
    """One level of a pyramid: where its areas lie in the picture, and their ``means``."""

    def __init__(self, full: tuple[int, int], size: tuple[int, int]) -> None:
        self.left, self.right = windows(full[0], size[0])
        self.top, self.bottom = windows(full[1], size[1])
        self.shrinkage = max(full[0] / size[0], full[1] / size[1])
        self.means: Floats = np.empty((3, size[1], size[0]), dtype=np.float32)

    def fill(self, sums: Packed, first: int, last: int, unit: int) -> None:
        """Set the rows that begin between two rows of the picture, from its summed-area table."""
        top, bottom = self.top // unit, -(-self.bottom // unit)
        left, right = self.left // unit, -(-self.right // unit)
        rows = slice(*np.searchsorted(top, (first, last)))
        if rows.start == rows.stop:
            return
        strips = sums[bottom[rows] - first]
        strips -= sums[top[rows] - first]  # (n, W + 1)
        areas = strips.take(right, axis=1)
        areas -= strips.take(left, axis=1)  # (n, width)
        counts = np.outer(bottom[rows] - top[rows], right - left).astype(np.float32)
        for plane, sum_of_colour in zip(self.means, unpacked(areas), strict=True):
            np.divide(sum_of_colour, counts, out=plane[rows], casting="same_kind")


def fill(levels: Sequence[Level], pixels: Pixels, unit: int) -> None:
    """Set the means of ``levels`` from a picture whose pixels are ``unit`` of the full one's."""
    height, width = pixels.shape[:2]
    overlap = max(int((level.bottom - level.top).max()) for level in levels) // unit + 2
    step = max(STRIP_PIXELS // width, overlap)
    for first in range(0, height, step):
        sums = summed_areas(pixels[first : first + step + overlap])
        for level in levels:
            level.fill(sums, first, first + step, unit)


def summed_areas(pixels: Pixels) -> Packed:
    """Return (H + 1, W + 1) sums of all pixels above and to the left.

    The sums overflow; differences of them are right all the same, as long as those fit.
    """
    height, width = pixels.shape[:2]
    sums = np.zeros((height + 1, width + 1), dtype=np.uint64)
    np.cumsum(packed(pixels), axis=1, out=sums[1:, 1:])
    for row in range(1, height):  # np.cumsum is many times slower along this axis
        sums[row + 1] += sums[row]
    return sums


def packed(colours: NDArray[np.unsignedinteger]) -> Packed:
    """Return (...) numbers that hold the three colours of (..., 3) side by side."""
    lanes = colours[..., 2].astype(np.uint64)
    for channel in (1, 0):
        lanes <<= LANE
        lanes |= colours[..., channel]
    return lanes


def unpacked(lanes: Packed) -> Iterator[Packed]:
    """Return red, green and blue one after the other; ``lanes`` are used up."""
    for _ in range(3):
        yield lanes & LANE_MASK
        lanes >>= LANE


def halvings(shrinkage: float, most: float) -> int:
    """Return how often to halve a picture so that it is shrunk at most ``most`` times after."""
    return max(0, int(np.ceil(np.log2(max(shrinkage, 1.0) / most))))


def half(pixels: Pixels) -> Pixels:
    """Return the mean of every two by two pixels, odd edges included."""
    rows, columns = pixels.shape[:2]
    result = np.empty((-(-rows // 2), -(-columns // 2), 3), dtype=np.uint8)
    step = max(2, STRIP_PIXELS // columns // 2 * 2)
    for top in range(0, rows, step):
        strip = Image.fromarray(pixels[top : top + step]).reduce(2)
        result[top // 2 : top // 2 + strip.height] = np.asarray(strip)
    return result


def windows(total: Integers | int, count: int) -> tuple[Integers, Integers]:
    """Return starts and ends (..., count) of the areas of ``total`` (...) pixels."""
    pixels, index = np.asarray(total, dtype=np.int64)[..., None], np.arange(count)
    return index * pixels // count, -(-(index + 1) * pixels // count)


def similar_sides(sides: Integers, size: int) -> Iterator[Integers]:
    """Group rows whose sides differ by at most a third, few enough to be averaged together."""
    order = np.argsort(sides, kind="stable")
    start = 0
    while start < len(order):
        longest = int(sides[order[start]]) * 4 // 3
        end = int(np.searchsorted(sides[order], longest, side="right"))
        end = min(end, start + max(1, CHUNK_BYTES // (size * longest * 6)))
        yield order[start:end]
        start = end


def average_rectangles(pixels: Pixels, rectangles: Integers, size: int) -> Floats:
    """Return (N, 3, size, size) means of areas of each ``left, top, right, bottom`` row (N, 4)."""
    width = int((rectangles[:, 2] - rectangles[:, 0]).max())
    left = np.minimum(rectangles[:, 0], pixels.shape[1] - width)  # (N,)
    top, bottom = windows(rectangles[:, 3] - rectangles[:, 1], size)  # (N, size)
    strips = sum_rows(pixels, top + rectangles[:, 1, None], bottom - top, left, width)
    start, end = windows(rectangles[:, 2] - rectangles[:, 0], size)
    shift = (rectangles[:, 0] - left)[:, None]
    sums = np.zeros((*strips.shape[:2], width + 1), dtype=np.uint64)
    np.cumsum(packed(strips), axis=2, out=sums[..., 1:])
    areas = np.take_along_axis(sums, (end + shift)[:, None], axis=2)
    areas -= np.take_along_axis(sums, (start + shift)[:, None], axis=2)  # (N, size, size)
    counts = ((bottom - top)[:, :, None] * (end - start)[:, None, :]).astype(np.float32)
    means = np.empty((len(rectangles), 3, size, size), dtype=np.float32)
    for channel, sum_of_colour in enumerate(unpacked(areas)):
        np.divide(sum_of_colour, counts, out=means[:, channel], casting="same_kind")
    return means


def sum_rows(
    pixels: Pixels, tops: Integers, lengths: Integers, left: Integers, width: int
) -> NDArray[np.uint16]:
    """Sum ``lengths`` rows down from each of the (N, size) ``tops``: (N, size, width, 3)."""
    flat = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
    # (H, W - width + 1, width * 3): every run of ``width`` pixels, without a copy.
    runs = np.lib.stride_tricks.sliding_window_view(flat, width * 3, axis=1)[:, ::3]
    sums = runs[tops, left[:, None]].astype(np.uint16)
    for offset in range(1, int(lengths.max())):
        crop, row = np.nonzero(lengths > offset)
        if len(crop) == lengths.size:
            sums += runs[tops + offset, left[:, None]]
        else:
            sums[crop, row] += runs[tops[crop, row] + offset, left[crop]]
    return sums.reshape(*tops.shape, width, 3)
