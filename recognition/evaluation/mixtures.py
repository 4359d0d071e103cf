"""Galleries whose people have different numbers of references, and such in which all have three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition import calibration
from recognition.decisions import IDENTIFY_FPIR, fmr_for
from recognition.evaluation.calibrating import DRAWS, REFERENCES, SEED, calibration_of
from recognition.evaluation.choosing import Flags, Labels, by_person
from recognition.evaluation.rates import threshold_for
from recognition.pipeline.embed import unit
from recognition.pipeline.types import Floats

TAKEN = range(1, REFERENCES + 1)


def mixtures(
    embeddings: Floats, labels: Labels, tables: list[dict[str, Any]], people: int
) -> list[dict[str, Any]]:
    """Return FNIR at FPIR 1 % in galleries whose people have one to REFERENCES references.

    Decided by a threshold for each number of references, as by default, and by one for all.
    """
    measured = calibration_of(tables)
    fmr = fmr_for(IDENTIFY_FPIR, people)
    drawn = [draw_mixture(embeddings, labels, people, SEED + n) for n in range(DRAWS)]
    own = {n: measured.threshold_at(fmr, n) - measured.threshold_at(fmr) for n in TAKEN}
    rows = []
    for kind, taken in (("by references", own), ("one for all", dict.fromkeys(TAKEN, 0.0))):
        rows.append({"threshold_is": kind, "people": people, **_mixed(drawn, taken)})
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """One gallery. counts (N,): references of each person; known (P, N) similarities of probes, of
    the person of that place; strangers (S, N); probes_of (P,) and strangers_of (S,): whose."""

    counts: NDArray[np.int64]
    known: Floats
    strangers: Floats
    probes_of: Labels
    strangers_of: Labels


def draw_mixture(embeddings: Floats, labels: Labels, people: int, seed: int) -> Mixture:
    """Register ``people`` at random, each from what they have but for one photograph, the probe.

    One photograph of everybody else is a stranger.
    """
    generator = np.random.default_rng(seed)
    everybody = generator.permutation(np.unique(labels))
    shuffled = generator.permutation(len(labels))
    of = by_person(labels, shuffled)
    registered = sorted(everybody[:people].tolist(), key=lambda p: len(of[p]) < 2)
    known = [p for p in registered if len(of[p]) > 1]
    counts = np.array([min(REFERENCES, max(1, len(of[p]) - 1)) for p in registered])
    means = [embeddings[of[p][:n]].mean(axis=0) for p, n in zip(registered, counts, strict=True)]
    templates = unit(np.stack(means)).T
    probes = [of[p][n] for p, n in zip(known, counts, strict=False)]
    strangers = [of[p][0] for p in everybody[people:].tolist()]
    return Mixture(
        counts,
        embeddings[probes] @ templates,
        embeddings[strangers] @ templates,
        np.array(known, np.int64),
        everybody[people:],
    )


def _mixed(drawn: list[Mixture], taken: dict[int, float]) -> dict[str, Any]:
    """Return FNIR where 1 % of strangers are named, of everybody and by number of references."""
    right, own, strangers, counts = [], [], [], []
    for one in drawn:
        handicaps = np.array([taken[n] for n in one.counts.tolist()], np.float32)
        known = one.known - handicaps
        right.append(known.argmax(axis=1) == np.arange(len(known)))
        own.append(known.max(axis=1))
        strangers.append((one.strangers - handicaps).max(axis=1))
        counts.append(one.counts[: len(known)])
    limit = threshold_for(np.concatenate(strangers), IDENTIFY_FPIR)
    missed = ~(np.concatenate(right) & (np.concatenate(own) >= np.float32(limit)))
    having = np.concatenate(counts)
    whose = np.concatenate([one.probes_of for one in drawn])
    of = {n: _share(missed[having == n], whose[having == n]) for n in TAKEN if (having == n).any()}
    rate, interval = _share(missed, whose)
    return {
        "fnir": rate,
        "fnir_95": interval,
        "fnir_by_references": {n: rate for n, (rate, _) in of.items()},
        "fnir_by_references_95": {n: interval for n, (_, interval) in of.items()},
    }


def _share(errors: Flags, whose: Labels) -> tuple[float, list[float]]:
    """Return a share, and its interval, people being drawn again."""
    ends = calibration.interval_by_people(errors, whose)
    return round(float(errors.mean()), 4), [round(end, 4) for end in ends]


def alike(
    embeddings: Floats, labels: Labels, tables: list[dict[str, Any]], people: int
) -> list[dict[str, Any]]:
    """Return FPIR and FNIR among ``people`` who all have REFERENCES references.

    Where there are fewer such people, M, all are registered. A stranger who reaches somebody of
    them with probability p reaches somebody of N with 1 - (1 - p)^(N / M).
    """
    if REFERENCES not in {table["references"] for table in tables}:
        return []
    fmr = fmr_for(IDENTIFY_FPIR, people)
    default = calibration_of(tables).threshold_at(fmr, REFERENCES)
    drawn = [draw_alike(embeddings, labels, people, SEED + n) for n in range(DRAWS)]
    registered = len(drawn[0].counts)
    more = people / registered
    strangers = np.concatenate([one.strangers.max(axis=1) for one in drawn])
    exact = threshold_for(strangers, 1 - (1 - IDENTIFY_FPIR) ** (1 / more))
    rows = []
    for kind, limit in (("default", default), ("fpir 1 %", exact)):
        missed, whose, named = [], [], strangers >= np.float32(limit)
        for one in drawn:
            best, known = one.known.max(axis=1), np.arange(len(one.known))
            right = (one.known.argmax(axis=1) == known) & (best >= np.float32(limit))
            missed.append(~right)
            whose.append(one.probes_of)
        fnir, fnir_95 = _share(np.concatenate(missed), np.concatenate(whose))
        outside = np.concatenate([one.strangers_of for one in drawn])
        rates = [float(named.mean()), *calibration.interval_by_people(named, outside)]
        fpir, *fpir_95 = (round(1 - (1 - rate) ** more, 5) for rate in rates)
        rows.append(
            {
                "threshold_is": kind,
                "people": people,
                "registered": registered,
                "references": REFERENCES,
                "threshold": round(limit, 5),
                "fpir": fpir,
                "fpir_95": fpir_95,
                "fnir": fnir,
                "fnir_95": fnir_95,
            }
        )
    return rows


def draw_alike(embeddings: Floats, labels: Labels, people: int, seed: int) -> Mixture:
    """Register ``people`` of those who have REFERENCES photographs, or all of them, from so many.

    Who has one more is probed with it; one photograph of everybody else is a stranger.
    """
    generator = np.random.default_rng(seed)
    everybody = generator.permutation(np.unique(labels)).tolist()
    of = by_person(labels, generator.permutation(len(labels)))
    having = [p for p in everybody if len(of[p]) >= REFERENCES][:people]
    registered = sorted(having, key=lambda p: len(of[p]) == REFERENCES)
    means = [embeddings[of[p][:REFERENCES]].mean(axis=0) for p in registered]
    templates = unit(np.stack(means)).T
    known = [p for p in registered if len(of[p]) > REFERENCES]
    others = sorted(set(everybody) - set(registered))
    return Mixture(
        np.full(len(registered), REFERENCES),
        embeddings[[of[p][REFERENCES] for p in known]] @ templates,
        embeddings[[of[p][0] for p in others]] @ templates,
        np.array(known, np.int64),
        np.array(others, np.int64),
    )
