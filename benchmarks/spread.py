"""How embeddings spread, among people and among photographs of one person, and people drawn so.

``python -m benchmarks.spread`` measures dlib-resnet-v1 on LFW's View 1 and writes spread.npz: the
mean of all embeddings and two covariances, no photograph's own embedding. That file is part of the
repository, so that people can be drawn where the photographs are not at hand.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recognition.pipeline.types import Floats

MEASURED = Path(__file__).with_name("spread.npz")
SEED = 4992
BLOCK = 10_000  # people drawn at a time
SAMPLE = 4_000  # people, and strangers, from whom a threshold is told
RATES = (1e-3, 1e-4, 1e-5, 1e-6)  # of strangers: what a sample of so many pairs can tell
GENUINE = 0.7  # the similarity of two photographs of one person where people are anywhere


@dataclass(frozen=True, slots=True)
class Spread:
    """An embedding is mean + person + photograph, then of length 1.

    mean: (D,); between, within: (D, D), by which D independent normal numbers become what a person
    and what a photograph adds.
    """

    mean: Floats
    between: Floats
    within: Floats

    @classmethod
    def of(cls, embeddings: Floats, labels: NDArray[np.intp]) -> Self:
        """Measure (N, D) embeddings of the people ``labels`` (N,) on one or more photographs."""
        mean = embeddings.mean(axis=0, dtype=np.float64)
        several = np.flatnonzero(np.bincount(labels)[labels] > 1)
        people, counts = np.unique(labels[several], return_inverse=True, return_counts=True)[1:]
        sums = np.zeros((len(counts), embeddings.shape[1]))
        np.add.at(sums, people, embeddings[several])
        apart = embeddings[several] - (sums / counts[:, None])[people]
        within = apart.T @ apart / (len(several) - len(counts))
        whole = np.cov(embeddings.astype(np.float64), rowvar=False)
        return cls(mean.astype(np.float32), _factor(whole - within), _factor(within))

    @classmethod
    def measured(cls) -> Self:
        """Return what was measured of dlib-resnet-v1."""
        with np.load(MEASURED) as stored:
            return cls(stored["mean"], _factor(stored["between"]), _factor(stored["within"]))

    @classmethod
    def stretched(cls, dimension: int) -> Self:
        """Return a spread of more dimensions whose spectra fall as the measured ones do.

        The axes are those of the space, along which the greatest of both spectra coincide.
        """
        measured = cls.measured()
        random = np.random.default_rng(dimension).standard_normal(dimension).astype(np.float32)
        mean = random / np.linalg.norm(random) * np.linalg.norm(measured.mean)
        factors = (measured.between, measured.within)
        return cls(mean, *(np.diag(_stretched(factor, dimension)) for factor in factors))

    @classmethod
    def scattered(cls, dimension: int) -> Self:
        """Return people anywhere, with nothing in common."""
        one = np.eye(dimension, dtype=np.float32) / np.float32(np.sqrt(dimension))
        apart = np.float32(np.sqrt(1 / GENUINE - 1))
        return cls(np.zeros(dimension, np.float32), one, one * apart)

    def store(self, file: Path) -> None:
        """Write the mean and the covariances."""
        between, within = self.between @ self.between.T, self.within @ self.within.T
        np.savez_compressed(file, mean=self.mean, between=between, within=within)

    def people(self, count: int, *, seed: int = SEED) -> Floats:
        """Return (count, D): mean + person, of no photograph."""
        return self._drawn(count, self.between, np.random.default_rng(seed)) + self.mean

    def photographs(self, people: Floats, *, seed: int) -> Floats:
        """Return an embedding, of length 1, of each of the ``people`` (N, D)."""
        added = self._drawn(len(people), self.within, np.random.default_rng(seed))
        added += people
        added /= np.linalg.norm(added, axis=1, keepdims=True)
        return added

    def threshold(self, fmr: float) -> float:
        """Return the similarity that a share ``fmr`` of strangers reaches.

        Beyond what the sample tells it goes on rising with log10(fmr) as it does there.
        """
        people = self.photographs(self.people(SAMPLE, seed=1), seed=2)
        strangers = self.photographs(self.people(SAMPLE, seed=3), seed=4)
        similarities = (people @ strangers.T).ravel()
        ranks = [round(len(similarities) * (1 - rate)) - 1 for rate in RATES]
        at = np.partition(similarities, ranks)[ranks]
        log, logs = np.log10(fmr), np.log10(RATES)
        rise = (at[-1] - at[-2]) / (logs[-1] - logs[-2])
        if log < logs[-1]:
            return float(at[-1] + rise * (log - logs[-1]))
        return float(np.interp(-log, -logs, at))

    def _drawn(self, count: int, factor: Floats, random: np.random.Generator) -> Floats:
        rows = np.empty((count, len(factor)), np.float32)
        for first in range(0, count, BLOCK):
            part = rows[first : first + BLOCK]
            part[:] = random.standard_normal(part.shape, np.float32) @ factor.T
        return rows


def _factor(covariance: NDArray[np.floating]) -> Floats:
    """Return a matrix whose product with its own transpose is ``covariance``."""
    values, axes = np.linalg.eigh(covariance.astype(np.float64))
    # What is left of noise below nothing is no spread.
    factor: Floats = (axes * np.sqrt(np.maximum(values, 0))).astype(np.float32)
    return factor


def _stretched(factor: Floats, dimension: int) -> Floats:
    """Return the deviations along ``dimension`` axes, greatest first, as large in all."""
    values = np.linalg.svd(factor, compute_uv=False) ** 2
    places = np.linspace(0, len(values) - 1, dimension)
    spectrum = np.interp(places, np.arange(len(values)), values)
    deviations: Floats = np.sqrt(spectrum * values.sum() / spectrum.sum()).astype(np.float32)
    return deviations


def main() -> int:
    """Measure View 1 and write what was found."""
    from benchmarks import view_1

    found = view_1.embeddings()
    if found is None:
        print(view_1.ABSENT, file=sys.stderr)
        return 1
    embeddings, labels = found
    Spread.of(embeddings, labels).store(MEASURED)
    print(f"{len(embeddings):,} embeddings of {labels.max() + 1:,} people: {MEASURED.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
