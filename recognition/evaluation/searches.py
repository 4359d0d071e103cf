"""Searches measured: who is found among many (closed set), and who is named wrongly (open set).

FPIR: share of strangers whose best candidate reaches the threshold. FNIR: share of known probes
whose own person is not the best candidate, or is under the threshold. Source: ISO/IEC 19795-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.calibration import redrawn, span
from recognition.evaluation import rates
from recognition.evaluation.choosing import SEED, Flags, Labels, place_among_own
from recognition.evaluation.comparing import Comparisons, possible_pairs
from recognition.evaluation.redrawing import RESAMPLES
from recognition.evaluation.watching import Watch, unwatched
from recognition.pipeline.embed import unit
from recognition.pipeline.types import Floats

FPIRS = (1e-1, 1e-2, 1e-3)
MOST_IMPOSTORS = 20_000_000  # 80 MB
CELLS = 4_000_000  # similarities computed at once, 16 MB
CURVE_POINTS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What the probes found among ``people``.

    ranks: (P,) place of the right person, from 1; own: (P,) similarity to that one; probes_of:
    (P,) whose; strangers: (S,) best similarities, strangers_of: (S,) whose.
    """

    people: int
    ranks: NDArray[np.int64]
    own: Floats
    probes_of: Labels
    strangers: Floats
    strangers_of: Labels


def templates_of(embeddings: Floats, labels: Labels) -> tuple[Floats, Labels]:
    """Return the person templates (N, D) and whose they are (N,)."""
    people, place = np.unique(labels, return_inverse=True)
    return unit(_sums(embeddings, place, len(people)).astype(np.float32)), people


def _sums(embeddings: Floats, place: Labels, people: int) -> NDArray[np.float64]:
    """Return (P, D), the sum of the embeddings of each place."""
    sums = np.zeros((people, embeddings.shape[1]))
    for part, where in blocks(embeddings, place, embeddings.shape[1]):
        np.add.at(sums, where, part)
    return sums


def search(
    templates: Floats,
    people: Labels,
    probes: tuple[Floats, Labels],
    strangers: Any,
) -> Searched:
    """Compare probes and strangers, each (embeddings, labels), with everybody."""
    ranks, own = [], []
    column = {person: place for place, person in enumerate(people.tolist())}
    for part, whose in blocks(*probes, len(people)):
        similarities = part @ templates.T
        right = similarities[np.arange(len(part)), [column[person] for person in whose.tolist()]]
        ranks.append((similarities > right[:, None]).sum(axis=1) + 1)
        own.append(right)
    unknown = [(part @ templates.T).max(axis=1) for part, _ in blocks(*strangers, len(people))]
    return Searched(
        len(people),
        np.concatenate(ranks) if ranks else np.empty(0, np.int64),
        _joined(own),
        probes[1],
        _joined(unknown),
        strangers[1],
    )


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def leave_one_out(
    embeddings: Floats, labels: Labels, watch: Watch = unwatched
) -> tuple[Comparisons, Searched]:
    """Compare each reference with everybody, its own person's template being made without it.

    Of impostor comparisons, so many are kept as MOST_IMPOSTORS, chosen at random.
    """
    templates, people = templates_of(embeddings, labels)
    column = np.searchsorted(people, labels)
    own = without_itself(embeddings, column)
    kept = min(1.0, MOST_IMPOSTORS / max(1, len(labels) * (len(people) - 1)))
    generator = np.random.default_rng(SEED)
    ranks, others, impostors, pairs = [], [], [], []
    kind = np.min_scalar_type(len(people))
    rows = np.arange(len(labels))
    for place in watch(range(0, len(rows), block_of(len(people))), "blocks of references"):
        some = rows[place : place + block_of(len(people))]
        similarities = embeddings[some] @ templates.T
        similarities[np.arange(len(some)), column[some]] = -np.inf
        others.append(similarities.max(axis=1))
        ranks.append((similarities > own[some, None]).sum(axis=1) + 1)
        wrong = similarities > -np.inf
        if kept < 1:
            wrong &= generator.random(similarities.shape, np.float32) < kept
        impostors.append(similarities[wrong])
        at = np.nonzero(wrong)
        pairs.append(np.stack([column[some][at[0]], at[1]], axis=1).astype(kind))
    several = ~np.isnan(own)
    scores, compared = _joined(impostors), np.concatenate(pairs)
    different = min(len(scores), possible_pairs(len(people)))
    found = Comparisons(
        own[several], scores, column[several].astype(kind), compared, people, different
    )
    rank, whose = np.concatenate(ranks)[several], labels[several]
    return found, Searched(len(people), rank, own[several], whose, _joined(others), labels)


def without_itself(embeddings: Floats, column: Labels) -> Floats:
    """Return (N,) similarities to the mean of one's other references, NaN without any."""
    counts = np.bincount(column)
    sums = _sums(embeddings, column, len(counts))
    similarities = [
        np.einsum("nd,nd->n", part, unit((sums[where] - part).astype(np.float32)))
        for part, where in blocks(embeddings, column, embeddings.shape[1])
    ]
    alone = counts[column] < 2
    return np.where(alone, np.float32(np.nan), _joined(similarities)).astype(np.float32)


def against(
    embeddings: Floats, labels: Labels, found: Searched, strangers: tuple[Floats, Labels]
) -> Searched:
    """Return the same searches with photographs of strangers instead."""
    templates, people = templates_of(embeddings, labels)
    parts = blocks(*strangers, len(people))
    best = [(part @ templates.T).max(axis=1) for part, _ in parts]
    return replace(found, strangers=_joined(best), strangers_of=strangers[1])


def block_of(width: int) -> int:
    """Return how many probes are compared at once with so many people."""
    return max(1, CELLS // max(1, width))


def blocks(embeddings: Floats, labels: Labels, width: int) -> Iterator[tuple[Floats, Labels]]:
    """Yield so many at once that each being compared with ``width`` others takes little memory."""
    size = block_of(width)
    for first in range(0, len(labels), size):
        yield embeddings[first : first + size], labels[first : first + size]


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
    generator = np.random.default_rng(SEED)
    people = generator.permutation(np.unique(labels))
    unknown = np.isin(labels, people[::2] if strangers else people[:0])
    nth = place_among_own(labels)
    return ~unknown & (nth < references), ~unknown & (nth >= references), unknown


def identification(found: Searched, watch: Watch = unwatched) -> dict[str, Any]:
    """Return rank-1 and rank-5, and FNIR at FPIR 1e-1 to 1e-3."""
    known, strangers = len(found.ranks), len(found.strangers)
    report: dict[str, Any] = {"people": found.people, "probes": known}
    if known:
        report["rank_1_missed"] = rates.proportion(int((found.ranks > 1).sum()), known)
        report["rank_5_missed"] = rates.proportion(int((found.ranks > 5).sum()), known)
    report["strangers"] = strangers
    if not (known and strangers):
        return report
    report["different_strangers"] = len(np.unique(found.strangers_of))
    told = [n for n in FPIRS if rates.supported(n, report["different_strangers"])]
    spans = _bootstrap(found, told, watch)
    report["fnir_at_fpir"] = [_at(found, fpir, spans) for fpir in FPIRS]
    least = rates.least_told(report["different_strangers"])
    limits = rates.thresholds_along(np.sort(found.strangers), least, CURVE_POINTS)
    report["curve"] = {
        "threshold": limits.tolist(),
        "fpir": [fpir_at(found, limit) for limit in limits],
        "fnir": [fnir_at(found, limit) for limit in limits],
    }
    return report


def fnir_at(found: Searched, threshold: float) -> float:
    """Return the share of known probes that are not named rightly."""
    return float(((found.ranks > 1) | (found.own < np.float32(threshold))).mean())


def fpir_at(found: Searched, threshold: float) -> float:
    """Return the share of strangers who are named."""
    return rates.share_reaching(found.strangers, threshold)


def _at(found: Searched, fpir: float, spans: dict[float, list[float]]) -> dict[str, Any]:
    if fpir not in spans:
        different = len(np.unique(found.strangers_of))
        return {"fpir": fpir, "refused": rates.refusal(fpir, different, "strangers")}
    limit = rates.threshold_for(found.strangers, fpir)
    missed = (found.ranks > 1) | (found.own < np.float32(limit))
    named = int((found.strangers >= np.float32(limit)).sum())
    fnir = rates.proportion(int(missed.sum()), len(missed)) | {"bootstrap_95": spans[fpir]}
    measured = rates.proportion(named, len(found.strangers))
    return {"fpir": fpir, "threshold": limit, "fnir": fnir, "fpir_measured": measured}


def _bootstrap(found: Searched, fpirs: Sequence[float], watch: Watch) -> dict[float, list[float]]:
    """Return the 95 % intervals of FNIR at each FPIR, people and strangers drawn again."""
    generator = np.random.default_rng(SEED)
    strangers, stranger_at = np.unique(found.strangers_of, return_inverse=True)
    known, known_at = np.unique(found.probes_of, return_inverse=True)
    order = np.argsort(-found.strangers, kind="stable")
    # Only who is found first can be found: the similarity of the others is under any threshold.
    own = np.where(found.ranks > 1, np.float32(-np.inf), found.own)
    rising = np.argsort(own, kind="stable")
    shares: dict[float, list[float]] = {fpir: [] for fpir in fpirs}
    for _ in watch(range(RESAMPLES if fpirs else 0), "draws of people and strangers"):
        reached = np.cumsum(redrawn(generator, len(strangers))[stranger_at][order])
        votes = np.concatenate([[0], np.cumsum(redrawn(generator, len(known))[known_at][rising])])
        for fpir in fpirs if votes[-1] else ():
            within = int(np.searchsorted(reached, fpir * reached[-1], side="right"))
            limit = found.strangers[order[min(within, len(order) - 1)]]
            missed = votes[np.searchsorted(own[rising], limit, side="right")]
            shares[fpir].append(float(missed / votes[-1]))
    return {fpir: span(some, len(known)) for fpir, some in shares.items()}
