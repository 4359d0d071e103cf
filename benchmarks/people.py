"""Made-up people: unit vectors of seeded random numbers, as many as wanted."""

from __future__ import annotations

import numpy as np

from recognition.pipeline.types import Floats

SEED = 2
BLOCK = 10_000


def templates(people: int, dimension: int) -> Floats:
    """Return (people, dimension) float32, rows of length 1; the same ones every time."""
    random = np.random.default_rng(SEED)
    rows = np.empty((people, dimension), np.float32)
    for first in range(0, people, BLOCK):
        part = rows[first : first + BLOCK]
        random.standard_normal(out=part, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows
