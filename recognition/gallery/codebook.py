"""How a template is written in a few bits a dimension, so that they tell how similar it can be.

A template x is its part t along the mean of all people and the rest. The rest is parted into groups
of the directions in which people differ most, less and least, and each group is turned at random.
In each group, the more bits the more people differ there, coordinates p are rounded: p = r + e.
For a probe q, with v its own coordinates,

    q.x = t_q t + sum of (v.r + v.e)     and     v.e <= |v| s,   s = hypot(b, Z |e'| / sqrt(n))

where b is the part of e along p, e' what is across it, and n the group's dimensions less two. The
inequality is a matter of chance, and fails for one pair in 1 / MISS whoever they are: since the
turn is random, what of v is across p points anywhere with equal probability, so its product with
e' is normal or nearly so. t, r and s are written as digits of 4 bits, each with a contribution
to the bound that depends on the probe; the bound is their sum.

Source: Gao and Long 2024, "RaBitQ", arXiv:2405.12497, for rounding after a random turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recognition.pipeline.types import Floats

Digits = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Written = tuple[Digits, Flags]
Partition = list[tuple[int, int, int]]  # of each group: its first and its last unit, its width

MISS = 1e-9  # the probability that somebody is more similar than their bound
Z = -NormalDist().inv_cdf(MISS)
VALUES = 16  # of a digit
#: Digits for r, two a byte, from so many dimensions on: half of the bytes are read in half of the
#: time, where they tell enough. With more, faiss's sums might not fit.
COLUMNS = {0: (64, 128), 256: (128, 256)}
ALONG, SLACK = 8, 2  # digits for t and for each s: several, so that none outweighs those of r
LARGEST_SUM = 65535  # faiss adds up in 16 bits
SEED = 512
GROUPS = 3
UNITS = 16  # that groups are put together from
MOST = 4  # coordinates a digit may hold
#: Coordinates that a digit holds, each in so many levels; in one level, that is not at all.
LEVELS = {1: 16, 2: 4, MOST: 2, 0: 1}
#: Steps of rounding and the error's mean square, in standard deviations, by the number of levels.
#: Source: J. Max 1960, "Quantizing for minimum distortion", table II.
STEPS = {1: 1.0, 2: 1.596, 4: 0.9957, 16: 0.3352}
ERRORS = {1: 1.0, 2: 0.3634, 4: 0.1188, 16: 0.01154}
NO_MEAN = 1e-6  # a mean that is shorter tells no direction
SPARE = 1.1  # times that step, since the coordinates of one template are not of one length


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from ``start`` on in ``step``s, written as a sum of ``digits`` digits."""

    start: float
    step: float
    digits: int

    @classmethod
    def around(cls, values: Floats, digits: int) -> Self:
        """Return a scale that reaches past ``values`` by a quarter at both ends."""
        least, most = float(values.min()), float(values.max())
        spare = max((most - least) / 4, 1e-6)
        return cls(least - spare, (most - least + 2 * spare) / (digits * (VALUES - 1)), digits)

    @property
    def steps(self) -> int:
        return self.digits * (VALUES - 1)

    def counted(self, values: Floats) -> Floats:
        """Return how many steps each value is from the start, fractions included."""
        return (values - np.float32(self.start)) / np.float32(self.step)

    def written(self, steps: Floats) -> Digits:
        """Return (N, digits) of (N,) whole steps; what is off the scale becomes its end."""
        before = np.arange(self.digits, dtype=np.float32) * (VALUES - 1)
        digits: Digits = np.clip(steps[:, None] - before, 0, VALUES - 1).astype(np.uint8)
        return digits

    def reaches(self, steps: Floats) -> Flags:
        """Say of each of (N,) whole steps whether it does not lie beyond the scale's upper end."""
        within: Flags = steps <= self.steps
        return within


class Group:
    """The coordinates ``place`` of everybody, ``width`` of them in a digit."""

    def __init__(self, place: slice, width: int, sample: Floats) -> None:
        self.place, self.width, self.levels = place, width, LEVELS[width]
        self.dimension = place.stop - place.start
        self.columns = self.dimension // width if width else 0
        self._chance = min(1.0, Z**2 / max(self.dimension - 2, 1))
        spread = float(np.sqrt(np.mean(sample**2)))
        self._step = max(spread, 1e-6) * STEPS[self.levels] * SPARE
        self._gain = 1.0
        r = self._rounded(sample) + self._middle
        along = float(np.sum(sample * r)) * self._step
        if along:
            self._gain = float(np.sum(sample**2)) / along  # then e is not along p on average
        self.slack = Scale.around(self._slacks(sample, r), SLACK)

    @property
    def level(self) -> float:
        """How far apart two levels are."""
        return self._gain * self._step

    @property
    def _middle(self) -> np.float32:
        """From the lower end of a step to what its coordinates are rounded to, in steps."""
        return np.float32(0.5 if self.width else 0.0)

    def _rounded(self, p: Floats) -> Floats:
        """Return the lower ends of the steps that coordinates are in, counted in steps."""
        r: Floats = p * np.float32(1 / self._step)
        np.floor(r, out=r)
        np.clip(r, -(self.levels // 2), max(self.levels // 2 - 1, 0), out=r)
        return r

    def _slacks(self, p: Floats, r: Floats) -> Floats:
        """Return (N,) s, for ``r`` counted in steps."""
        level = np.float32(self.level)
        length = np.vecdot(p, p)
        product = np.vecdot(p, r) * level
        error = length - 2 * product + np.vecdot(r, r) * level**2
        along = (length - product) ** 2 / np.maximum(length, np.float32(1e-12))
        across = np.float32(self._chance) * np.maximum(error - along, 0)
        slack: Floats = np.sqrt(along + across)
        return slack

    def write(self, p: Floats, of_rest: Digits, of_slack: Digits) -> Flags:
        """Write digits for r and s into (N, columns) and (N, SLACK); return whom they fit."""
        r = self._rounded(p)
        level = (r.astype(np.int8) + np.int8(self.levels // 2)).view(np.uint8)
        for nth in range(self.width):
            of_rest += level[:, nth :: self.width] * np.uint8(self.levels**nth)
        slack = np.ceil(self.slack.counted(self._slacks(p, r + self._middle)))
        of_slack[:] = self.slack.written(slack)
        return self.slack.reaches(slack)

    def centroids(self) -> Floats:
        """Return what each digit for r stands for: (VALUES, MOST)."""
        centroids = np.zeros((VALUES, MOST), np.float32)
        digit = np.arange(VALUES)
        for nth in range(self.width):
            level = digit // self.levels**nth % self.levels - (self.levels - 1) / 2
            centroids[:, nth] = level * self.level
        return centroids


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """What is added up for each of P probes.

    A bound is ``base`` (P,) and, for each column, the product of ``vectors`` (P, columns * MOST)
    with the digit's centroid. ``sure`` (P,) is False where the sum might not fit faiss's 16 bits.
    """

    vectors: Floats
    base: Floats
    sure: Flags

    def of(self, probes: NDArray[np.intp]) -> Bounds:
        """Return those of some of the probes."""
        return Bounds(self.vectors[probes], self.base[probes], self.sure[probes])


class Codebook:
    """The axis, the turn, the groups and their scales, made from a sample of people.

    Whatever the sample is, bounds are true; they are sharp where the people are like it.
    """

    def __init__(self, sample: Floats, most_columns: int) -> None:
        mean = sample.mean(axis=0, dtype=np.float64)
        length = float(np.linalg.norm(mean))
        self._axis = (mean / length if length > NO_MEAN else mean * 0).astype(np.float32)
        variances, directions = principal(sample - np.outer(sample @ self._axis, self._axis))
        places, widths = parted(variances, most_columns)
        turn = [directions[:, place] @ random_turn(place.stop - place.start) for place in places]
        self.turn: Floats = np.concatenate(turn, axis=1)
        self.turn -= np.outer(self._axis, self._axis @ self.turn)
        turned = sample @ self.turn
        self._along = Scale.around(sample @ self._axis, ALONG)
        self._groups = [
            Group(place, width, turned[:, place])
            for place, width in zip(places, widths, strict=True)
        ]
        digits = [group.columns for group in self._groups] + [ALONG] + [SLACK] * len(places)
        self._parts = np.cumsum(digits)
        self.columns = int(self._parts[-1] + self._parts[-1] % 2)  # faiss wants an even number
        self.centroids = self._centroids()
        self._extent = np.ptp(self.centroids, axis=1)  # (columns, MOST)

    def _split(self, columns: Any) -> tuple[list[Any], Any, list[Any]]:
        """Part the second axis: digits for r by group, for t, for s by group."""
        parts = np.split(columns, self._parts, axis=1)[:-1]
        count = len(self._groups)
        return parts[:count], parts[count], parts[count + 1 :]

    def _centroids(self) -> Floats:
        """Return what each digit stands for: (columns, VALUES, MOST)."""
        centroids = np.zeros((1, self.columns, VALUES, MOST), np.float32)
        of_rest, of_along, of_slack = self._split(centroids)
        of_along[..., 0] = np.arange(VALUES) * self._along.step
        for group, rest, slack in zip(self._groups, of_rest, of_slack, strict=True):
            rest[:] = group.centroids()
            slack[..., 0] = np.arange(VALUES) * group.slack.step
        first: Floats = centroids[0]
        return first

    def digits(self, templates: Floats, turned: Floats) -> Written:
        """Return the digits (N, columns) of templates, and (N,) whom they do not fit.

        Of those nothing may be concluded from their digits. ``turned``: ``templates @ turn``.
        """
        digits: Digits = np.zeros((len(templates), self.columns), np.uint8)
        of_rest, of_along, of_slack = self._split(digits)
        along = np.rint(self._along.counted(templates @ self._axis))
        of_along[:] = self._along.written(along)
        fits = (along >= 0) & self._along.reaches(along)
        for group, rest, slack in zip(self._groups, of_rest, of_slack, strict=True):
            fits &= group.write(turned[:, group.place], rest, slack)
        return digits, ~fits

    def bounds(self, probes: Floats) -> Bounds:
        """Return what is to be added up for each of (P, D) probes."""
        along, turned = probes @ self._axis, probes @ self.turn
        vectors = np.zeros((len(probes), self.columns, MOST), np.float32)
        of_rest, of_along, of_slack = self._split(vectors)
        of_along[:, :, 0] = along[:, None]
        base = along * self._along.start
        base += np.abs(along) * self._along.step / 2  # t is rounded to the nearest step
        for group, rest, slack in zip(self._groups, of_rest, of_slack, strict=True):
            v = turned[:, group.place]
            length = np.linalg.norm(v, axis=1)
            rest[:, :, : group.width] = v[:, : group.columns * group.width].reshape(
                len(probes), group.columns, group.width
            )
            slack[:, :, 0] = length[:, None]
            base += length * group.slack.start
        spans = np.einsum("ijk,jk->ij", np.abs(vectors), self._extent)
        widest = np.maximum(spans.max(axis=1), np.float32(1e-12))
        # faiss rounds each contribution to a 255th of the widest column's span.
        base += widest / 255 * Z * math.sqrt(self.columns / 12)
        sure = spans.sum(axis=1) / widest * 255 + self.columns <= LARGEST_SUM
        return Bounds(vectors.reshape(len(probes), -1), base.astype(np.float32), sure)


def codebooks(sample: Floats) -> list[Codebook]:
    """Return the codebooks to use side by side, the shortest digits first."""
    columns = COLUMNS[max(least for least in COLUMNS if least <= sample.shape[1])]
    books = [Codebook(sample, most) for most in columns]
    for book in books[1:]:
        if np.array_equal(book.turn, books[0].turn):
            book.turn = books[0].turn
    return books


def written(books: Sequence[Codebook], templates: Floats) -> list[Written]:
    """Return the digits of templates by each of the books.

    To turn the templates is most of the work: books with one turn share it.
    """
    turns = {id(book.turn): book.turn for book in books}
    turned = {key: templates @ turn for key, turn in turns.items()}
    return [book.digits(templates, turned[id(book.turn)]) for book in books]


def principal(vectors: Floats) -> tuple[NDArray[np.float64], Floats]:
    """Return the mean squares along the principal axes, greatest first, and those (D, padded).

    Empty axes are added, so that units can be made.
    """
    dimension = vectors.shape[1]
    values, axes = np.linalg.eigh((vectors.T @ vectors).astype(np.float64) / len(vectors))
    padded = -(-dimension // unit(dimension)) * unit(dimension)
    variances, directions = np.zeros(padded), np.zeros((dimension, padded), np.float32)
    variances[:dimension] = np.maximum(values[::-1], 0)
    directions[:, :dimension] = axes[:, ::-1]
    return variances, directions


def unit(dimension: int) -> int:
    """Return the dimensions of which groups are put together, a multiple of MOST."""
    return MOST * -(-dimension // (MOST * UNITS))


def parted(variances: NDArray[np.float64], most_columns: int) -> tuple[list[slice], list[int]]:
    """Return the groups and the widths in which the sum of all s is likely to be the least."""
    size = unit(len(variances))
    sums = np.concatenate([[0.0], np.cumsum(variances)])[::size]

    def slack(partition: Partition) -> float:
        return sum(
            float(sums[last] - sums[first]) * _expected(width, (last - first) * size)
            for first, last, width in partition
        )

    written = (
        partition
        for partition in _partitions(len(sums) - 1)
        if sum((b - a) * size // width for a, b, width in partition if width) <= most_columns
    )
    best = min(written, key=slack)
    return [slice(a * size, b * size) for a, b, _ in best], [width for *_, width in best]


def _expected(width: int, dimension: int) -> float:
    """Return s of a group, likely, as a share of the group's variance."""
    return min(1.0, Z * math.sqrt(ERRORS[LEVELS[width]] / dimension)) if width else 1.0


def _partitions(units: int) -> Iterator[Partition]:
    """Return all ways to part so many units into groups, and what each digit may hold there."""
    for groups in range(1, min(GROUPS, units) + 1):
        for inner in combinations(range(1, units), groups - 1):
            ends = (0, *inner, units)
            for widths in product(LEVELS, repeat=groups):
                yield list(zip(ends, ends[1:], widths, strict=False))


@cache
def random_turn(dimension: int) -> Floats:
    """Return an orthogonal matrix that was drawn uniformly, the same one every time."""
    random = np.random.default_rng(SEED)
    turn, upper = np.linalg.qr(random.standard_normal((dimension, dimension)))
    return (turn * np.sign(np.diag(upper))).astype(np.float32)
