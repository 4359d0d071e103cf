"""Galleries drawn at random: which photographs are registered, which ask, which are strangers'."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recognition.evaluation.choosing import Labels, by_person
from recognition.pipeline.embed import unit
from recognition.pipeline.types import Floats

Rows = Labels  # (N,) int64: places of photographs


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One gallery: the references of each person, the probes, one photograph of each stranger.

    The probe of place n is of the person of place n; people without one come last.
    """

    registered: list[Rows]
    probes: Rows
    strangers: Rows

    def templates(self, embeddings: Floats) -> Floats:
        """Return (N, D), the person templates."""
        return unit(np.stack([embeddings[rows].mean(axis=0) for rows in self.registered]))

    @property
    def counts(self) -> Labels:
        """Return (N,), how many references each person has."""
        return np.array([len(rows) for rows in self.registered])


def draw(labels: Labels, *, people: int, references: int, seed: int) -> Drawn:
    """Register ``people`` from up to so many photographs; ask with one more of who has one.

    Whoever has photographs to spare is registered first, so that there are probes; but half of
    them stay strangers, so that both kinds are met with.
    """
    everybody, of = _shuffled(labels, seed)
    mated = [p for p in everybody if len(of[p]) > references]
    others = [p for p in everybody if len(of[p]) <= references]
    known = mated[: max(1, len(mated) // 2)][:people]
    registered = (known + others + mated[len(known) :])[:people]
    return _drawn(of, registered, asking=len(known), references=references)


def draw_alike(labels: Labels, *, people: int, references: int, seed: int) -> Drawn:
    """Register ``people`` of those who have so many photographs, or all of them, from so many.

    Who has one more is probed with it; one photograph of everybody else is a stranger.
    """
    everybody, of = _shuffled(labels, seed)
    having = [p for p in everybody if len(of[p]) >= references][:people]
    having.sort(key=lambda p: len(of[p]) == references)
    asking = sum(len(of[p]) > references for p in having)
    return _drawn(of, having, asking=asking, references=references)


def draw_mixture(labels: Labels, *, people: int, references: int, seed: int) -> Drawn:
    """Register ``people`` at random, each from what they have but for one photograph, the probe.

    From no more than ``references``; who has one photograph alone does not ask. One photograph of
    everybody else is a stranger.
    """
    everybody, of = _shuffled(labels, seed)
    registered = sorted(everybody[:people], key=lambda p: len(of[p]) < 2)
    asking = sum(len(of[p]) > 1 for p in registered)
    return _drawn(of, registered, asking=asking, references=references)


def _shuffled(labels: Labels, seed: int) -> tuple[list[int], dict[int, Rows]]:
    """Return the people, and the photographs of each, in an order drawn at random."""
    generator = np.random.default_rng(seed)
    everybody = generator.permutation(np.unique(labels)).tolist()
    return everybody, by_person(labels, generator.permutation(len(labels)))


def _drawn(of: dict[int, Rows], registered: list[int], *, asking: int, references: int) -> Drawn:
    """Return the gallery of these people, of whom the first ``asking`` keep one photograph back.

    Everybody else is a stranger.
    """
    taken = [of[p][:references] for p in registered]
    taken[:asking] = [of[p][: min(references, len(of[p]) - 1)] for p in registered[:asking]]
    probes = [of[p][len(own)] for p, own in zip(registered[:asking], taken, strict=False)]
    strangers = sorted(set(of) - set(registered))
    return Drawn(taken, _rows(probes), _rows([of[p][0] for p in strangers]))


def _rows(places: list[int]) -> Rows:
    return np.array(places, np.int64)
