"""What an evaluation found, as one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.calibration import Doubles
from recognition.evaluation import rates, searches
from recognition.evaluation.choosing import Labels
from recognition.evaluation.comparing import Comparisons, Scores
from recognition.evaluation.groups import Groups, by_group, by_years
from recognition.evaluation.samples import Sample, all_pairs, compared_of, lacking
from recognition.evaluation.searches import Searched
from recognition.evaluation.watching import Watch, unwatched
from recognition.pipeline.types import Floats

BINS = 100  # of the histograms of scores


def distributions(genuine: Scores, impostor: Scores) -> dict[str, Any]:
    """Return the histograms of the scores, and mean, deviation and extremes."""
    low = min(float(genuine.min()), float(impostor.min()))
    # Of a photograph and itself it may be a little more than 1.
    high = max(1.0, float(genuine.max()), float(impostor.max()))
    edges = np.linspace(np.floor(low * 10) / 10, high, BINS + 1)
    shown: dict[str, Any] = {"edges": edges.tolist()}
    for name, scores in (("genuine", genuine), ("impostor", impostor)):
        mean, deviation = rates.spread(scores)
        shown[name] = {
            "counts": np.histogram(scores, edges)[0].tolist(),
            "mean": mean,
            "deviation": deviation,
            "least": float(scores.min()),
            "greatest": float(scores.max()),
        }
    return shown


def people_report(
    sample: Sample,
    *,
    references: int,
    strangers: tuple[Floats, Labels] | None,
    watch: Watch = unwatched,
) -> tuple[dict[str, Any], Comparisons, Searched]:
    """Return what photographs of known people tell: comparisons, searches, groups, years.

    Raises ``ValueError`` where there are too few to compare.
    """
    if lack := lacking(sample.labels):
        raise ValueError(lack)
    kept = compared_of(sample)
    found, first, second = all_pairs(kept, watch)
    parts = (sample.embeddings, sample.labels)
    registered, probes, unknown = searches.split(
        *parts, references=references, strangers=strangers is None
    )
    outside = unknown if strangers is None else strangers
    searched = searches.search(*searches.templates_of(*registered), probes, outside)
    everybody, mated, nobody = searches.split(*parts, references=references, strangers=False)
    closed = searches.search(*searches.templates_of(*everybody), mated, nobody)
    report: dict[str, Any] = {
        "compared_photographs": len(kept.labels),
        "distributions": distributions(found.genuine, found.impostor),
        "verification": rates.verification(found, watch),
        "identification": {
            "references": references,
            "closed_set": _closed(searches.identification(closed)),
            "open_set": searches.identification(searched, watch),
        },
    }
    if sample.groups:
        report["groups"] = by_group(sample.groups, sample.person_of, found, searched)
    if sample.dates:
        dates = np.array([sample.dates.get(name, np.nan) for name in kept.names])
        report["years"] = by_years(between_years(dates[first], dates[second]), found)
    return report, found, searched


def gallery_report(
    sample: Sample, strangers: tuple[Floats, Labels] | None, watch: Watch = unwatched
) -> tuple[dict[str, Any], Comparisons, Searched]:
    """Return what a gallery's own references tell: each asks once, left out of its own template.

    Without photographs of strangers each reference also asks as one, its own person left out.
    Raises ``ValueError`` where there are too few to compare.
    """
    if lack := lacking(sample.labels):
        raise ValueError(lack)
    found, searched = searches.leave_one_out(sample.embeddings, sample.labels, watch=watch)
    if strangers is not None:
        searched = searches.against(sample.embeddings, sample.labels, searched, strangers)
    told = searches.identification(searched, watch)
    report = {
        "distributions": distributions(found.genuine, found.impostor),
        "verification": rates.verification(found, watch),
        "identification": {"closed_set": _closed(told), "open_set": told},
    }
    if sample.groups:
        report["groups"] = by_group(sample.groups, sample.person_of, found, searched)
    return report, found, searched


def between_years(one: Doubles, other: Doubles) -> Doubles:
    """Return the years between photographs, an anniversary being a whole year."""
    apart: Doubles = np.round(np.abs(one - other), 6)
    return apart


def _closed(report: dict[str, Any]) -> dict[str, Any]:
    names = ("people", "probes", "rank_1_missed", "rank_5_missed")
    return {name: report[name] for name in names if name in report}


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A list of pairs compared. similarities: (P,), NaN where a face was not found; same: (P,);
    numbers: (P, 2) of the people, names by number; folds: (P,); apart: (P,) years, NaN: unknown."""

    similarities: Scores
    same: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    names: Sequence[str]
    folds: NDArray[np.int64]
    apart: Doubles


def pairs_report(
    pairs: Compared, groups: Groups, watch: Watch = unwatched
) -> tuple[dict[str, Any], Comparisons]:
    """Return what a list of pairs tells; a face that was not found is an error in the ten folds."""
    found = ~np.isnan(pairs.similarities)
    genuine, impostor = found & pairs.same, found & ~pairs.same
    compared = Comparisons.of(
        pairs.similarities[genuine],
        pairs.similarities[impostor],
        pairs.numbers[genuine][:, 0],
        pairs.numbers[impostor],
    )
    if not len(compared.genuine) or not len(compared.impostor):
        raise ValueError("pairs of one person and pairs of two are needed")
    report = {
        "pairs": len(found),
        "pairs_with_a_face_not_found": int((~found).sum()),
        "ten_fold": rates.ten_fold(pairs.similarities, pairs.same, pairs.folds),
        "distributions": distributions(compared.genuine, compared.impostor),
        "verification": rates.verification(compared, watch),
    }
    if groups:
        report["groups"] = by_group(groups, dict(enumerate(pairs.names)), compared)
    if np.isfinite(pairs.apart).any():
        report["years"] = by_years(pairs.apart[genuine], compared)
    return report, compared
