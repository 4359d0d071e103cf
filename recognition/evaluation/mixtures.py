"""Galleries whose people have different numbers of references, and such in which all have three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from recognition import calibration
from recognition.decisions import IDENTIFY_FPIR, fmr_for
from recognition.evaluation.calibrating import DRAWS, REFERENCES, SEED, calibration_of
from recognition.evaluation.choosing import Flags, Labels
from recognition.evaluation.drawing import Drawn, draw_alike, draw_mixture
from recognition.evaluation.rates import threshold_for
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
    shape = {"people": people, "references": REFERENCES}
    galleries = (draw_mixture(labels, **shape, seed=SEED + n) for n in range(DRAWS))
    drawn = [Mixture.of(one, embeddings, labels) for one in galleries]
    own = {n: measured.threshold_at(fmr, n) - measured.threshold_at(fmr) for n in TAKEN}
    rows = []
    for kind, taken in (("by references", own), ("one for all", dict.fromkeys(TAKEN, 0.0))):
        rows.append({"threshold_is": kind, "people": people, **_mixed(drawn, taken)})
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """One gallery. counts (N,): references of each person; known (P, N) similarities of probes, of
    the person of that place; strangers (S, N); probes_of (P,) and strangers_of (S,): whose."""

    counts: Labels
    known: Floats
    strangers: Floats
    probes_of: Labels
    strangers_of: Labels

    @classmethod
    def of(cls, drawn: Drawn, embeddings: Floats, labels: Labels) -> Self:
        """Compare the photographs of a gallery that was drawn."""
        templates = drawn.templates(embeddings).T
        return cls(
            drawn.counts,
            embeddings[drawn.probes] @ templates,
            embeddings[drawn.strangers] @ templates,
            labels[drawn.probes],
            labels[drawn.strangers],
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
    shape = {"people": people, "references": REFERENCES}
    galleries = (draw_alike(labels, **shape, seed=SEED + n) for n in range(DRAWS))
    drawn = [Mixture.of(one, embeddings, labels) for one in galleries]
    registered = len(drawn[0].counts)
    more = people / registered
    strangers = np.concatenate([one.strangers.max(axis=1) for one in drawn])
    exact = threshold_for(strangers, 1 - (1 - IDENTIFY_FPIR) ** (1 / more))
    found = {"people": people, "registered": registered, "references": REFERENCES}
    return [
        {"threshold_is": kind, **found, **_rates_at(limit, drawn, more)}
        for kind, limit in (("default", default), ("fpir 1 %", exact))
    ]


def _rates_at(limit: float, drawn: list[Mixture], more: float) -> dict[str, Any]:
    """Return FPIR and FNIR at a threshold; ``more``: how many times as many people are meant."""
    missed, named = [], []
    for one in drawn:
        right = one.known.argmax(axis=1) == np.arange(len(one.known))
        missed.append(~(right & (one.known.max(axis=1) >= np.float32(limit))))
        named.append(one.strangers.max(axis=1) >= np.float32(limit))
    fnir, fnir_95 = _share(np.concatenate(missed), np.concatenate([d.probes_of for d in drawn]))
    reached, outside = np.concatenate(named), np.concatenate([d.strangers_of for d in drawn])
    rates = [float(reached.mean()), *calibration.interval_by_people(reached, outside)]
    fpir, *fpir_95 = (round(1 - (1 - rate) ** more, 5) for rate in rates)
    return {
        "threshold": round(limit, 5),
        "fpir": fpir,
        "fpir_95": fpir_95,
        "fnir": fnir,
        "fnir_95": fnir_95,
    }
