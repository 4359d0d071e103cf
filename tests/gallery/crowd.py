"""Made-up people and photographs of them, for the tests of the search."""

from __future__ import annotations

import numpy as np

from recognition.gallery.exact import Candidate, ExactIndex

COMMON = 0.84  # the part of dlib's embeddings that all people share, squared: LFW View 1


def scattered(people: int, dimension: int, seed: int = 0) -> np.ndarray:
    """Return (people, dimension) rows of length 1, anywhere."""
    vectors = np.random.default_rng(seed).standard_normal((people, dimension), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def alike(people: int, dimension: int, seed: int = 0) -> np.ndarray:
    """Return rows as embeddings are: near a common mean, differing in few directions most."""
    fading = np.exp(-np.arange(dimension) / (dimension / 4)).astype(np.float32)
    vectors = scattered(people, dimension, seed) * fading
    vectors *= np.sqrt((1 - COMMON) / np.mean(np.sum(vectors**2, axis=1)))
    vectors += scattered(1, dimension, seed=4711) * np.float32(np.sqrt(COMMON))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def photographed(templates: np.ndarray, others: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Return a probe for each template at a ``similarity`` (N,) to it, on the side of another."""
    aside = others - np.sum(others * templates, axis=1, keepdims=True) * templates
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    near = similarity[:, None] * templates + np.sqrt(1 - similarity[:, None] ** 2) * aside
    return near.astype(np.float32)


def filled(templates: np.ndarray) -> ExactIndex:
    """Return an index of people numbered from 1 on, put in blocks."""
    index = ExactIndex(templates.shape[1])
    numbers = np.arange(1, len(templates) + 1)
    for first in range(0, len(templates), 4096):
        index.put(numbers[first : first + 4096], templates[first : first + 4096])
    return index


def reaching(candidates: list[Candidate], floor: float) -> list[int]:
    """Return who is at least as similar as ``floor``, best first."""
    return [c.subject_number for c in candidates if c.similarity >= floor]
