"""Photographs as numbers: whose they are, what they are called, which of them are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from recognition.evaluation.choosing import Labels, thinned
from recognition.evaluation.comparing import Comparisons, possible_pairs
from recognition.evaluation.watching import Watch, unwatched
from recognition.pipeline.types import Floats

MOST_PHOTOGRAPHS = 14_000  # of which all pairs are compared: 98 million scores, 400 MB
BLOCK = 256  # photographs compared at once with all others
NEVER = np.float32(-1)  # the similarity of what is refused: no threshold accepts it

NO_FACE = "no_face"

Rows = NDArray[np.int32]
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


def all_pairs(sample: Sample, watch: Watch = unwatched) -> tuple[Comparisons, Rows, Rows]:
    """Return the scores of all pairs of photographs; also the rows of the genuine ones.

    A pair with a photograph that is refused scores NEVER. Compared block by block: a table of all
    pairs and the places of its cells would take many times what the scores do.
    """
    people, person, counts = np.unique(sample.labels, return_inverse=True, return_counts=True)
    person = person.astype(np.min_scalar_type(len(people)))
    refused = sample.flags(sample.refused)
    genuine = int((counts * (counts - 1)).sum()) // 2
    impostors = possible_pairs(len(person)) - genuine
    wrong, compared = np.empty(impostors, np.float32), np.empty((impostors, 2), person.dtype)
    own, rows, columns, filled = [], [], [], 0
    for first in watch(range(0, len(person), BLOCK), "blocks of comparisons"):
        part, rest = slice(first, first + BLOCK), person[first:]
        similarities = sample.embeddings[part] @ sample.embeddings[first:].T
        similarities[refused[part, None] | refused[None, first:]] = NEVER
        same = person[part, None] == rest
        at = np.nonzero(np.triu(same, k=1))
        own.append(similarities[at])
        rows.append((first + at[0]).astype(np.int32))
        columns.append((first + at[1]).astype(np.int32))
        others = np.triu(~same, k=1)
        some = slice(filled, filled + int(others.sum()))
        wrong[some] = similarities[others]
        compared[some, 0] = np.broadcast_to(person[part, None], others.shape)[others]
        compared[some, 1] = np.broadcast_to(rest, others.shape)[others]
        filled = some.stop
    joined = [
        np.concatenate(parts) if parts else np.empty(0, np.int32) for parts in (rows, columns)
    ]
    right = np.concatenate(own) if own else np.empty(0, np.float32)
    pairs = possible_pairs(len(people))
    found = Comparisons(right, wrong, person[joined[0]], compared, people, pairs)
    return found, joined[0], joined[1]


def compared_of(sample: Sample) -> Sample:
    """Return a sample small enough for all pairs, some photographs being left out at random."""
    return sample.part(thinned(sample.labels, most=MOST_PHOTOGRAPHS))


def lacking(labels: Labels) -> str:
    """Say what photographs of known people lack to be compared, nothing where there is enough."""
    counts = np.unique(labels, return_counts=True)[1]
    if len(counts) > 1 and counts.max() > 1:
        return ""
    there = f"there are {len(labels):,} photographs of {len(counts):,}"
    return f"at least two people, one of them on two photographs, are needed; {there}"
