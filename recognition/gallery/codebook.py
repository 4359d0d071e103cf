"""How a template is written in a few bits a dimension, so that they tell how similar it can be.

A template x is its part t along the mean of all people and the rest, turned at random: p. Each
coordinate of p is rounded: p = r + e. For a probe q, with v its rest turned alike,

    q.x = t_q t + v.p = t_q t + v.r + v.e     and     v.e <= |v| s,   s = hypot(b, Z |e'| / sqrt(n))

where b is the part of e along p, e' what is across it, and n the dimensions less two. The
inequality is a matter of chance, and fails for one pair in 1 / MISS whoever they are: since the
turn is random, what of v is across p points anywhere with equal probability, so its product with
e' is normal or nearly so. t, r and s are written as digits of 4 bits, each with a contribution
to the bound that depends on the probe; the bound is their sum.

Source: Gao and Long 2024, "RaBitQ", arXiv:2405.12497, for rounding after a random turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recognition.pipeline.types import Floats

Digits = NDArray[np.uint8]

MISS = 1e-9  # the probability that somebody is more similar than their bound
Z = -NormalDist().inv_cdf(MISS)
VALUES = 16  # of a digit
MOST_COLUMNS = 256  # of digits for r: 128 bytes a template; with more, faiss's sums might not fit
ALONG, SLACK = 8, 2  # digits for t and for s: several, so that none outweighs those of r
LARGEST_SUM = 65535  # faiss adds up in 16 bits
PART = 1024  # templates written at a time: what is made of them stays in the processor's cache
SEED = 512
#: Steps of rounding in standard deviations, by the number of steps. Source: J. Max 1960,
#: "Quantizing for minimum distortion", table II; a tenth more, since p is not of one length.
STEPS = {2: 1.596 * 1.1, 4: 0.9957 * 1.1, 16: 0.3352 * 1.1}


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
        steps = digits * (VALUES - 1)
        return cls(least - spare, (most - least + 2 * spare) / steps, digits)

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


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """What is added up for each of P probes.

    A bound is ``base`` (P,) and, for each column, the product of ``vectors`` (P, columns * width)
    with the digit's centroid. ``sure`` (P,) is False where the sum might not fit faiss's 16 bits.
    """

    vectors: Floats
    base: Floats
    sure: NDArray[np.bool_]

    def of(self, probes: NDArray[np.intp]) -> Bounds:
        """Return those of some of the probes."""
        return Bounds(self.vectors[probes], self.base[probes], self.sure[probes])


class Codebook:
    """The scales and the axis, made from a sample of the people.

    Whatever the sample is, bounds are true; they are sharp where the people are like it.
    """

    def __init__(self, sample: Floats) -> None:
        dimension = sample.shape[1]
        self.width = next(w for w in (1, 2, 4) if dimension <= w * MOST_COLUMNS)
        self.levels = round(VALUES ** (1 / self.width))  # of a coordinate: a digit holds `width`
        turned = -(-dimension // self.width) * self.width
        self._parts = np.cumsum([turned // self.width, ALONG, SLACK])
        self.columns = int(self._parts[-1] + self._parts[-1] % 2)  # faiss wants an even number
        mean = sample.mean(axis=0, dtype=np.float64)
        self._axis = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
        turn = random_turn(turned)[:dimension]
        across = turn - np.outer(self._axis, self._axis @ turn)
        spread = float(np.sqrt(np.mean((sample @ across) ** 2)))
        self._step = max(spread, 1e-6) * STEPS[self.levels]
        self._turn = across / np.float32(self._step)  # to p, counted in steps
        self._gain = 1.0
        p, r = self._rounded(sample)
        self._gain = float(np.sum(p * p) / np.sum(p * r))  # then e is not along p on average
        self._along = Scale.around(sample @ self._axis, ALONG)
        self._slack = Scale.around(self._slacks(p, r), SLACK)

    def _rounded(self, templates: Floats) -> tuple[Floats, Floats]:
        """Return p and the middles of the steps that it is in, both counted in steps."""
        p: Floats = templates @ self._turn
        r = np.floor(p)
        np.clip(r, -self.levels // 2, self.levels // 2 - 1, out=r)
        r += np.float32(0.5)
        return p, r

    def _slacks(self, p: Floats, r: Floats) -> Floats:
        """Return (N,) s."""
        length = np.einsum("ij,ij->i", p, p)
        product = np.einsum("ij,ij->i", p, r) * np.float32(self._gain)
        error = length - 2 * product + np.einsum("ij,ij->i", r, r) * np.float32(self._gain**2)
        along = (length - product) ** 2 / np.maximum(length, np.float32(1e-12))
        chance = np.float32(Z**2 / max(self._turn.shape[1] - 2, 1))
        slack: Floats = np.sqrt(along + chance * np.maximum(error - along, 0))
        return slack * np.float32(self._step)

    def digits(self, templates: Floats) -> tuple[Digits, NDArray[np.bool_]]:
        """Return the digits (N, columns) of templates, and (N,) whom they do not fit.

        Of those nothing may be concluded from their digits.
        """
        digits = np.zeros((len(templates), self.columns), np.uint8)
        unfit = np.zeros(len(templates), np.bool_)
        for first in range(0, len(templates), PART):
            part = slice(first, first + PART)
            unfit[part] = self._write(templates[part], digits[part])
        return digits, unfit

    def _write(self, templates: Floats, digits: Digits) -> NDArray[np.bool_]:
        p, r = self._rounded(templates)
        along = np.rint(self._along.counted(templates @ self._axis))
        slack = np.ceil(self._slack.counted(self._slacks(p, r)))
        r += np.float32(self.levels / 2 - 0.5)
        level = r.astype(np.uint8)
        of_rest, of_along, of_slack, _ = np.split(digits, self._parts, axis=1)
        for place in range(self.width):
            of_rest += level[:, place :: self.width] * np.uint8(self.levels**place)
        of_along[:] = self._along.written(along)
        of_slack[:] = self._slack.written(slack)
        fits: NDArray[np.bool_] = (
            (along >= 0) & (along <= self._along.steps) & (slack <= self._slack.steps)
        )
        return ~fits

    def centroids(self) -> Floats:
        """Return what each digit stands for: (columns, 16, width)."""
        centroids = np.zeros((self.columns, VALUES, self.width), np.float32)
        of_rest, of_along, of_slack, _ = np.split(centroids, self._parts)
        digit = np.arange(VALUES)
        for place in range(self.width):
            level = digit // self.levels**place % self.levels - (self.levels - 1) / 2
            of_rest[:, :, place] = level * self._level
        of_along[:, :, 0] = digit * self._along.step
        of_slack[:, :, 0] = digit * self._slack.step
        return centroids

    @property
    def _level(self) -> float:
        """One level of r times one coordinate of v counted in steps, as a similarity."""
        return self._gain * self._step**2

    def bounds(self, probes: Floats) -> Bounds:
        """Return what is to be added up for each of the (P, D) probes."""
        along = probes @ self._axis
        rest = np.sqrt(np.maximum(np.einsum("ij,ij->i", probes, probes) - along**2, 0))
        vectors = np.zeros((len(probes), self.columns, self.width), np.float32)
        of_rest, of_along, of_slack, _ = np.split(vectors, self._parts, axis=1)
        of_rest[:] = (probes @ self._turn).reshape(of_rest.shape)
        of_along[:, :, 0], of_slack[:, :, 0] = along[:, None], rest[:, None]
        spans = self._spans(vectors)
        widest = np.maximum(spans.max(axis=1), np.float32(1e-12))
        base = along * self._along.start + rest * self._slack.start
        base += np.abs(along) * self._along.step / 2  # t is rounded to the nearest step
        # faiss rounds each contribution to a 255th of the widest column's span.
        base += widest / 255 * Z * math.sqrt(self.columns / 12)
        sure = spans.sum(axis=1) / widest * 255 + self.columns <= LARGEST_SUM
        return Bounds(vectors.reshape(len(probes), -1), base.astype(np.float32), sure)

    def _spans(self, vectors: Floats) -> Floats:
        """Return how far apart the contributions of each column's digits are: (P, columns)."""
        spans: Floats = np.abs(vectors).sum(axis=2)
        of_rest, of_along, of_slack, _ = np.split(spans, self._parts, axis=1)
        of_rest *= (self.levels - 1) * self._level
        of_along *= (VALUES - 1) * self._along.step
        of_slack *= (VALUES - 1) * self._slack.step
        return spans


@cache
def random_turn(dimension: int) -> Floats:
    """Return an orthogonal matrix that was drawn uniformly, the same one every time."""
    random = np.random.default_rng(SEED)
    turn, upper = np.linalg.qr(random.standard_normal((dimension, dimension)))
    return (turn * np.sign(np.diag(upper))).astype(np.float32)
