"""Made-up people, as many as wanted, the same ones every time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.spread import Spread
from recognition.pipeline.types import Floats

SEED = 2
BLOCK = 10_000
PROBES = 64
NEAR = 0.02  # below the threshold the nearest person is still the right one
NAMED = 1e-8  # of comparisons with strangers: one stranger in a hundred among a million people


def templates(people: int, dimension: int) -> Floats:
    """Return (people, dimension) float32, rows of length 1, anywhere."""
    random = np.random.default_rng(SEED)
    rows = np.empty((people, dimension), np.float32)
    for first in range(0, people, BLOCK):
        part = rows[first : first + BLOCK]
        random.standard_normal(out=part, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


@dataclass(frozen=True, slots=True)
class Crowd:
    """People, and photographs of some of them and of as many strangers, in two files.

    ``threshold``: the similarity that a million people are searched with.
    """

    templates: Path
    probes: Path
    threshold: float

    @classmethod
    def drawn(cls, folder: Path, people: int, spread: Spread) -> Crowd:
        """Write the people and the probes into ``folder``."""
        centres = spread.people(people)
        asked = spread.people(PROBES, seed=SEED)
        asked[::2] = centres[np.random.default_rng(SEED).integers(people, size=PROBES // 2)]
        crowd = cls(folder / "templates.npy", folder / "probes.npy", spread.threshold(NAMED))
        np.save(crowd.templates, spread.photographs(centres, seed=1))
        np.save(crowd.probes, spread.photographs(asked, seed=2))
        return crowd
