"""What an evaluation found, as one JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.evaluation import rates, searches
from recognition.evaluation.rates import Comparisons, Scores
from recognition.evaluation.searches import Labels, Searched
from recognition.pipeline.types import Floats

MOST_PHOTOGRAPHS = 14_000  # of which all pairs are compared: 98 million scores, 400 MB
BINS = 100  # of the histograms of scores
GROUP_FMR = 1e-3  # groups and years are compared at the threshold of this rate for all
YEARS = (0, 1, 2, 5, 10, 100)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Embeddings (N, D) of photographs by name, and whose they are (N,)."""

    names: list[str]
    embeddings: Floats
    labels: Labels
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dates: Mapping[str, float] = field(default_factory=dict)


def all_pairs(sample: Sample) -> tuple[Comparisons, NDArray[np.int64], NDArray[np.int64]]:
    """Return the scores of all pairs of photographs; also the rows of the genuine ones."""
    embeddings, labels = sample.embeddings, sample.labels
    rows, columns = np.triu_indices(len(labels), k=1)
    similarities = (embeddings @ embeddings.T)[rows, columns]
    same = labels[rows] == labels[columns]
    impostors = np.stack([labels[rows[~same]], labels[columns[~same]]], axis=1)
    found = Comparisons(similarities[same], similarities[~same], labels[rows[same]], impostors)
    return found, rows[same], columns[same]


def thinned(sample: Sample) -> Sample:
    """Return a sample small enough for all pairs, by leaving out people at random."""
    if len(sample.labels) <= MOST_PHOTOGRAPHS:
        return sample
    people = np.random.default_rng(rates.SEED).permutation(np.unique(sample.labels))
    counts = np.cumsum([np.count_nonzero(sample.labels == person) for person in people])
    kept = np.isin(sample.labels, people[: int(np.searchsorted(counts, MOST_PHOTOGRAPHS))])
    names = [name for name, keep in zip(sample.names, kept, strict=True) if keep]
    return Sample(names, sample.embeddings[kept], sample.labels[kept], sample.groups, sample.dates)


def distributions(genuine: Scores, impostor: Scores) -> dict[str, Any]:
    """Return the histograms of the scores, and mean, deviation and extremes."""
    edges = np.linspace(-1, 1, BINS + 1)
    low = min(float(part.min()) for part in (genuine, impostor) if len(part))
    edges = np.linspace(np.floor(low * 10) / 10, 1, BINS + 1)
    shown: dict[str, Any] = {"edges": edges.tolist()}
    for name, scores in (("genuine", genuine), ("impostor", impostor)):
        shown[name] = {
            "counts": np.histogram(scores, edges)[0].tolist(),
            "mean": float(scores.mean()),
            "deviation": float(scores.std()),
            "least": float(scores.min()),
            "greatest": float(scores.max()),
        }
    return shown


def people_report(
    sample: Sample, *, references: int, strangers: tuple[Floats, Labels] | None
) -> tuple[dict[str, Any], Comparisons, Searched]:
    """Return what photographs of known people tell: comparisons, searches, groups, years."""
    found, first, second = all_pairs(thinned(sample))
    if not len(found.genuine) or not len(found.impostor):
        raise ValueError("at least two people, one of them on two photographs, are needed")
    parts = (sample.embeddings, sample.labels)
    registered, probes, unknown = searches.split(
        *parts, references=references, strangers=strangers is None
    )
    outside = unknown if strangers is None else strangers
    searched = searches.search(*searches.templates_of(*registered), probes, outside)
    everybody, mated, nobody = searches.split(*parts, references=references, strangers=False)
    closed = searches.search(*searches.templates_of(*everybody), mated, nobody)
    report = {
        "distributions": distributions(found.genuine, found.impostor),
        "verification": rates.verification(found),
        "identification": {
            "references": references,
            "closed_set": _closed(searches.identification(closed)),
            "open_set": searches.identification(searched),
        },
    }
    sample = thinned(sample)
    limit = rates.threshold_for(found.impostor, GROUP_FMR)
    if rates.supported(GROUP_FMR, len(found.impostor)):
        report["groups"] = by_group(sample, found, limit)
        report["years"] = by_years(sample, found, (first, second), limit)
    return report, found, searched


def gallery_report(
    sample: Sample, strangers: tuple[Floats, Labels] | None
) -> tuple[dict[str, Any], Comparisons, Searched]:
    """Return what a gallery's own references tell: each asks once, left out of its own template.

    Without photographs of strangers each reference also asks as one, its own person left out.
    """
    found, searched = searches.leave_one_out(sample.embeddings, sample.labels)
    if not len(found.genuine) or not len(found.impostor):
        raise ValueError("at least two people, one of them with two references, are needed")
    if strangers is not None:
        searched = searches.against(sample.embeddings, sample.labels, searched, strangers)
    report = {
        "distributions": distributions(found.genuine, found.impostor),
        "verification": rates.verification(found),
        "identification": {"open_set": searches.identification(searched)},
    }
    return report, found, searched


def _closed(report: dict[str, Any]) -> dict[str, Any]:
    names = ("people", "probes", "rank_1_missed", "rank_5_missed")
    return {name: report[name] for name in names if name in report}


def by_group(sample: Sample, found: Comparisons, limit: float) -> dict[str, Any]:
    """Return FMR and FNMR inside each group of people, at one threshold for all."""
    names = [name.split("/")[0] for name in sample.names]
    person_of = dict(zip(sample.labels.tolist(), names, strict=True))
    shown: dict[str, Any] = {}
    for column, labelled in sample.groups.items():
        for group in sorted(set(labelled.values())):
            inside = np.array([n for n, p in person_of.items() if labelled.get(p) == group])
            genuine = np.isin(found.genuine_people, inside)
            impostor = np.isin(found.impostor_people, inside).all(axis=1)
            missed = int((found.genuine[genuine] < np.float32(limit)).sum())
            wrong = int((found.impostor[impostor] >= np.float32(limit)).sum())
            shown.setdefault(column, {})[group] = {
                "people": len(inside),
                "threshold": limit,
                "fnmr": _told(missed, int(genuine.sum())),
                "fmr": _told(wrong, int(impostor.sum())),
            }
    return shown


def _told(errors: int, trials: int) -> dict[str, Any]:
    """Return a rate, or that so few trials tell none: an interval wider than that is no answer."""
    if trials < rates.RULE_OF_THREE / 0.1:  # not even 10 %
        return {"refused": rates.refusal(0.1, trials), "errors": errors, "trials": trials}
    return rates.proportion(errors, trials)


def by_years(
    sample: Sample, found: Comparisons, rows: Sequence[NDArray[np.int64]], limit: float
) -> list[dict[str, Any]]:
    """Return FNMR by the years that lie between the two photographs."""
    if not sample.dates:
        return []
    dates = np.array([sample.dates.get(name, np.nan) for name in sample.names])
    apart = np.abs(dates[rows[0]] - dates[rows[1]])
    shown = []
    for low, high in zip(YEARS, YEARS[1:], strict=False):
        some = (apart >= low) & (apart < high)
        missed = int((found.genuine[some] < np.float32(limit)).sum())
        shown.append({"from": low, "to": high, "fnmr": _told(missed, int(some.sum()))})
    return shown


def pairs_report(
    similarities: Scores, same: NDArray[np.bool_], people: Sequence[tuple[str, str]], folds: Any
) -> tuple[dict[str, Any], Comparisons]:
    """Return what a list of pairs tells; NaN where a face was not found, which is an error."""
    found = ~np.isnan(similarities)
    names, numbers = np.unique([p for pair in people for p in pair], return_inverse=True)
    both = numbers.reshape(-1, 2)
    compared = Comparisons(
        similarities[found & same],
        similarities[found & ~same],
        both[found & same][:, 0],
        both[found & ~same],
    )
    if not len(compared.genuine) or not len(compared.impostor):
        raise ValueError("pairs of one person and pairs of two are needed")
    report = {
        "pairs": len(similarities),
        "pairs_with_a_face_not_found": int((~found).sum()),
        "ten_fold": rates.ten_fold(similarities, same, folds),
        "distributions": distributions(compared.genuine, compared.impostor),
        "verification": rates.verification(compared),
    }
    return report, compared
