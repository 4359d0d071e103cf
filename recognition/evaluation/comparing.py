"""Comparisons 1:1: their scores, and who was compared with whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from recognition.evaluation.choosing import Flags, Labels

Scores = NDArray[np.float32]  # (N,)
Places = NDArray[np.unsignedinteger[Any]]  # the smallest kind that holds them

COUNTED = 2_000_000  # comparisons of which the pairs of people are counted one by one


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Scores and who was compared.

    genuine (G,), impostor (I,): scores; genuine_people (G,), impostor_people (I, 2): places in
    people (P,), the labels; pairs: how many different pairs of people the impostors are of.
    """

    genuine: Scores
    impostor: Scores
    genuine_people: Places
    impostor_people: Places
    people: Labels
    pairs: int

    @classmethod
    def of(cls, genuine: Scores, impostor: Scores, owners: Labels, compared: Labels) -> Self:
        """Return the comparisons of people by their labels: owners (G,), compared (I, 2)."""
        everybody = np.concatenate([owners, compared.ravel()])
        people, places = np.unique(everybody, return_inverse=True)
        places = places.astype(np.min_scalar_type(len(people)))
        others = places[len(owners) :].reshape(-1, 2)
        pairs = distinct_pairs(others, len(people))
        return cls(genuine, impostor, places[: len(owners)], others, people, pairs)

    @property
    def owners(self) -> int:
        """How many different people the genuine scores are of."""
        return len(np.unique(self.genuine_people))

    def among(self, inside: Flags) -> Flags:
        """Return (I,): which impostor scores are of two people of those ``inside`` (P,)."""
        both: Flags = inside[self.impostor_people[:, 0]] & inside[self.impostor_people[:, 1]]
        return both


def possible_pairs(people: int) -> int:
    """Return how many pairs there are of so many people."""
    return people * (people - 1) // 2


def distinct_pairs(places: NDArray[Any], people: int) -> int:
    """Return how many different pairs of people ``places`` (N, 2) holds; of more than COUNTED
    rows, how many there can be."""
    if len(places) > COUNTED:
        there = np.zeros(people, np.bool_)
        there[places[:, 0]] = there[places[:, 1]] = True
        return min(len(places), possible_pairs(int(there.sum())))
    low, high = places.min(axis=1, initial=people), places.max(axis=1, initial=0)
    return len(np.unique(low.astype(np.int64) * people + high))
