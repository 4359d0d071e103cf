"""Searches measured: who is found among many (closed set), and who is named wrongly (open set).

FPIR: share of strangers whose best candidate reaches the threshold. FNIR: share of known probes
whose own person is not the best candidate, or is under the threshold. Source: ISO/IEC 19795-1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.evaluation import rates
from recognition.evaluation.rates import Comparisons, Flags
from recognition.pipeline.embed import unit
from recognition.pipeline.types import Floats

FPIRS = (1e-1, 1e-2, 1e-3)
MOST_IMPOSTORS = 20_000_000  # 80 MB
BLOCK = 1_000  # probes compared at once with everybody
Labels = NDArray[np.int64]
# From numbers of references to what is taken from the similarities of who has so many.
Handicap = Callable[[Labels], Floats]


def no_handicap(counts: Labels) -> Floats:
    """Take nothing from anybody."""
    return np.zeros(len(counts), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What the probes found among ``people``.

    ranks: (P,) place of the right person, from 1; own: (P,) similarity to that one; best: (P,) of
    the best; probes_of: (P,) whose; strangers: (S,) best similarities, strangers_of: (S,) whose.
    """

    people: int
    ranks: NDArray[np.int64]
    own: Floats
    best: Floats
    probes_of: Labels
    strangers: Floats
    strangers_of: Labels


def templates_of(embeddings: Floats, labels: Labels) -> tuple[Floats, Labels]:
    """Return the person templates (N, D) and whose they are (N,)."""
    people, place = np.unique(labels, return_inverse=True)
    sums = np.zeros((len(people), embeddings.shape[1]))
    np.add.at(sums, place, embeddings)
    return unit(sums.astype(np.float32)), people


def search(
    templates: Floats,
    people: Labels,
    probes: tuple[Floats, Labels],
    strangers: Any,
    taken: Floats | float = 0.0,
) -> Searched:
    """Compare probes and strangers, each (embeddings, labels), with everybody.

    ``taken``: (N,) from the similarities to each of them.
    """
    ranks, own, best = [], [], []
    column = {person: place for place, person in enumerate(people.tolist())}
    for part, whose in blocks(*probes):
        similarities = part @ templates.T - taken
        right = similarities[np.arange(len(part)), [column[person] for person in whose.tolist()]]
        ranks.append((similarities > right[:, None]).sum(axis=1) + 1)
        own.append(right)
        best.append(similarities.max(axis=1))
    unknown = [(part @ templates.T - taken).max(axis=1) for part, _ in blocks(*strangers)]
    return Searched(
        len(people),
        np.concatenate(ranks) if ranks else np.empty(0, np.int64),
        _joined(own),
        _joined(best),
        probes[1],
        _joined(unknown),
        strangers[1],
    )


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def leave_one_out(
    embeddings: Floats, labels: Labels, handicap: Handicap = no_handicap
) -> tuple[Comparisons, Searched]:
    """Compare each reference with everybody, its own person's template being made without it.

    Of impostor comparisons, so many are kept as MOST_IMPOSTORS, chosen at random.
    """
    templates, people = templates_of(embeddings, labels)
    column = np.searchsorted(people, labels)
    counts = np.bincount(column)
    taken = handicap(counts)
    own = _without_itself(embeddings, column) - handicap(np.maximum(1, counts - 1))[column]
    alone = np.isnan(own)
    kept = min(1.0, MOST_IMPOSTORS / max(1, len(labels) * (len(people) - 1)))
    generator = np.random.default_rng(rates.SEED)
    ranks, others, impostors, pairs = [], [], [], []
    for part, rows in blocks(embeddings, np.arange(len(labels))):
        similarities = part @ templates.T - taken
        similarities[np.arange(len(part)), column[rows]] = -np.inf
        others.append(similarities.max(axis=1))
        ranks.append((similarities > own[rows][:, None]).sum(axis=1) + 1)
        some = (generator.random(similarities.shape) < kept) & (similarities > -np.inf)
        impostors.append(similarities[some])
        at = np.nonzero(some)
        pairs.append(np.stack([labels[rows[at[0]]], people[at[1]]], axis=1))
    best = _joined(others)
    genuine = own[~alone]
    compared = Comparisons(genuine, _joined(impostors), labels[~alone], np.concatenate(pairs))
    rank = np.concatenate(ranks)[~alone]
    top = np.maximum(genuine, best[~alone])
    return compared, Searched(len(people), rank, genuine, top, labels[~alone], best, labels)


def _without_itself(embeddings: Floats, column: Labels) -> Floats:
    """Return (N,) similarities to the mean of one's other references, NaN without any."""
    sums = np.zeros((column.max() + 1, embeddings.shape[1]), np.float64)
    np.add.at(sums, column, embeddings)
    counts = np.bincount(column)[column]
    rest = unit((sums[column] - embeddings).astype(np.float32))
    similarities = np.einsum("nd,nd->n", embeddings, rest).astype(np.float32)
    return np.where(counts > 1, similarities, np.float32(np.nan)).astype(np.float32)


def against(
    embeddings: Floats,
    labels: Labels,
    found: Searched,
    strangers: tuple[Floats, Labels],
    handicap: Handicap = no_handicap,
) -> Searched:
    """Return the same searches with photographs of strangers instead."""
    templates, _ = templates_of(embeddings, labels)
    taken = handicap(np.unique(labels, return_counts=True)[1])
    best = [(part @ templates.T - taken).max(axis=1) for part, _ in blocks(*strangers)]
    return replace(found, strangers=_joined(best), strangers_of=strangers[1])


def blocks(embeddings: Floats, labels: Labels) -> Iterator[tuple[Floats, Labels]]:
    for first in range(0, len(labels), BLOCK):
        yield embeddings[first : first + BLOCK], labels[first : first + BLOCK]


def split(embeddings: Floats, labels: Labels, *, references: int, strangers: bool) -> Any:
    """Return (registered, probes, strangers), each (embeddings, labels).

    The first ``references`` photographs of each person are registered, the others are probes. With
    ``strangers``, every second person (by a seeded shuffle) is registered, the others ask.
    """
    parts = roles(labels, references=references, strangers=strangers)
    return tuple((embeddings[rows], labels[rows]) for rows in parts)


def roles(labels: Labels, *, references: int, strangers: bool) -> tuple[Flags, Flags, Flags]:
    """Return which photographs are registered, which are probes, which are strangers': (N,) each.

    As ``split`` says.
    """
    generator = np.random.default_rng(rates.SEED)
    people = generator.permutation(np.unique(labels))
    unknown = np.isin(labels, people[::2] if strangers else people[:0])
    nth = _place_among_own(labels)
    return ~unknown & (nth < references), ~unknown & (nth >= references), unknown


def _place_among_own(labels: Labels) -> Labels:
    """Return (N,): the how manieth photograph of its person each one is, from 0."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(labels[order]) > 0])
    lengths = np.diff(np.r_[starts, len(labels)])
    place = np.empty(len(labels), np.int64)
    place[order] = np.arange(len(labels)) - np.repeat(starts, lengths)
    return place


def identification(found: Searched) -> dict[str, Any]:
    """Return rank-1 and rank-5, and FNIR at FPIR 1e-1 to 1e-3."""
    known = len(found.ranks)
    report: dict[str, Any] = {"people": found.people, "probes": known}
    if known:
        report["rank_1_missed"] = rates.proportion(int((found.ranks > 1).sum()), known)
        report["rank_5_missed"] = rates.proportion(int((found.ranks > 5).sum()), known)
    strangers = len(found.strangers)
    report["strangers"] = strangers
    if not (known and strangers):
        return report
    report["fnir_at_fpir"] = [_at(found, fpir) for fpir in FPIRS]
    limits = np.quantile(found.strangers, 1 - np.geomspace(3 / strangers, 1.0, 100).clip(0, 1))
    fpir = [rates.share_reaching(found.strangers, limit) for limit in limits]
    fnir = [fnir_at(found, limit) for limit in limits]
    report["curve"] = {"threshold": limits.tolist(), "fpir": fpir, "fnir": fnir}
    return report


def fnir_at(found: Searched, threshold: float) -> float:
    """Return the share of known probes that are not named rightly."""
    return float(((found.ranks > 1) | (found.own < np.float32(threshold))).mean())


def fpir_at(found: Searched, threshold: float) -> float:
    """Return the share of strangers who are named."""
    return rates.share_reaching(found.strangers, threshold)


def _at(found: Searched, fpir: float) -> dict[str, Any]:
    if not rates.supported(fpir, len(found.strangers)):
        return {"fpir": fpir, "refused": rates.refusal(fpir, len(found.strangers))}
    limit = rates.threshold_for(found.strangers, fpir)
    missed = (found.ranks > 1) | (found.own < np.float32(limit))
    fnir = rates.proportion(int(missed.sum()), len(missed))
    fnir["bootstrap_95"] = _bootstrap(found, fpir)
    return {"fpir": fpir, "threshold": limit, "fnir": fnir}


def _bootstrap(found: Searched, fpir: float) -> list[float]:
    """Return the 95 % interval of FNIR, people and strangers drawn again with replacement."""
    generator = np.random.default_rng(rates.SEED)
    strangers, stranger_at = np.unique(found.strangers_of, return_inverse=True)
    known, known_at = np.unique(found.probes_of, return_inverse=True)
    order = np.argsort(-found.strangers, kind="stable")
    drawn_rates = []
    for _ in range(rates.RESAMPLES):
        weights = _drawn(generator, len(strangers))[stranger_at][order]
        reached = np.cumsum(weights)
        within = int(np.searchsorted(reached, fpir * weights.sum(), side="right"))
        limit = found.strangers[order[min(within, len(order) - 1)]]
        votes = _drawn(generator, len(known))[known_at]
        if votes.sum():
            missed = (found.ranks > 1) | (found.own <= limit)
            drawn_rates.append(float(votes[missed].sum() / votes.sum()))
    return rates.interval(drawn_rates)


def _drawn(generator: np.random.Generator, count: int) -> Labels:
    """Return how often each of ``count`` was drawn in ``count`` draws."""
    return np.bincount(generator.integers(count, size=count), minlength=count)
