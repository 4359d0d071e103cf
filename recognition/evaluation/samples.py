"""Photographs as numbers: whose they are, what they are called, which of them are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recognition.evaluation import rates
from recognition.evaluation.rates import Comparisons
from recognition.evaluation.searches import Labels
from recognition.pipeline.types import Floats

MOST_PHOTOGRAPHS = 14_000  # of which all pairs are compared: 98 million scores, 400 MB
NEVER = np.float32(-1)  # the similarity of what is refused: no threshold accepts it

NO_FACE = "no_face"

Rows = NDArray[np.int64]
Codes = Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """One photograph: the (D,) embedding of its principal face, (0,) without one.

    refused, unfit: the code by which the service refuses it as a probe, and as a reference; empty
    where it takes it.
    """

    embedding: Floats
    refused: str = ""
    unfit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Embeddings (N, D) of photographs by name (``<person>/<file>``), and whose they are (N,).

    groups: {column: {person: group}}; dates: years by name; refused and unfit: why the service
    searches, and registers, a photograph not, by name. Without a face the embedding is 0.
    """

    names: list[str]
    embeddings: Floats
    labels: Labels
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dates: Mapping[str, float] = field(default_factory=dict)
    refused: Codes = field(default_factory=dict)
    unfit: Codes = field(default_factory=dict)

    def flags(self, codes: Codes) -> NDArray[np.bool_]:
        """Return (N,): which photographs stand in ``codes``."""
        return np.fromiter((name in codes for name in self.names), np.bool_, len(self.names))

    def part(self, kept: NDArray[np.bool_]) -> Sample:
        """Return the photographs that ``kept`` (N,) marks."""
        names = [name for name, keep in zip(self.names, kept, strict=True) if keep]
        return replace(
            self, names=names, embeddings=self.embeddings[kept], labels=self.labels[kept]
        )

    @property
    def person_of(self) -> dict[int, str]:
        """Return what the person of each label is called."""
        people = (name.split("/")[0] for name in self.names)
        return dict(zip(self.labels.tolist(), people, strict=True))

    def with_faces(self) -> Sample:
        """Return the photographs in which a face was found, whatever the service makes of them."""
        seen = np.array([self.refused.get(name) != NO_FACE for name in self.names], np.bool_)
        return replace(self.part(seen), refused={}, unfit={})


def all_pairs(sample: Sample) -> tuple[Comparisons, Rows, Rows]:
    """Return the scores of all pairs of photographs; also the rows of the genuine ones.

    A pair with a photograph that is refused scores NEVER.
    """
    embeddings, labels, refused = sample.embeddings, sample.labels, sample.flags(sample.refused)
    rows, columns = np.triu_indices(len(labels), k=1)
    similarities = (embeddings @ embeddings.T)[rows, columns]
    if refused.any():
        similarities[refused[rows] | refused[columns]] = NEVER
    same = labels[rows] == labels[columns]
    impostors = np.stack([labels[rows[~same]], labels[columns[~same]]], axis=1)
    found = Comparisons(similarities[same], similarities[~same], labels[rows[same]], impostors)
    return found, rows[same], columns[same]


def thinned(sample: Sample) -> Sample:
    """Return a sample small enough for all pairs, by leaving out people at random."""
    if len(sample.labels) <= MOST_PHOTOGRAPHS:
        return sample
    people = np.random.default_rng(rates.SEED).permutation(np.unique(sample.labels))
    numbers = np.bincount(sample.labels)
    counts = np.cumsum(numbers[people])
    kept = people[: int(np.searchsorted(counts, MOST_PHOTOGRAPHS))]
    return sample.part(np.isin(sample.labels, kept))
