"""Error rates told apart: by groups of people, and by the years between two photographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.evaluation import rates
from recognition.evaluation.rates import Comparisons, Doubles, Flags
from recognition.evaluation.searches import Searched

COMPARED_AT = (1e-3, 1e-2)  # FMR of everybody together, the first that the data can tell
SEARCHED_AT = (1e-2, 1e-1)  # FPIR, likewise
FEWEST = 30  # trials: by fewer not even a rate of 10 % is told (rule of three)
YEARS = (0, 1, 2, 5, 10, 100)

Groups = Mapping[str, Mapping[str, str]]  # {column: {person: group}}


@dataclass(frozen=True, slots=True)
class Limit:
    """The threshold at which everybody together has the error rate ``rate``."""

    rate: float
    threshold: float


def limit_of(impostors: Any, wanted: tuple[float, ...]) -> Limit | None:
    """Return the threshold of the first of ``wanted`` that so many scores can tell."""
    for rate in wanted:
        if rates.supported(rate, len(impostors)):
            return Limit(rate, rates.threshold_for(impostors, rate))
    return None


def by_group(
    groups: Groups,
    person_of: Mapping[int, str],
    found: Comparisons,
    searched: Searched | None = None,
) -> dict[str, Any]:
    """Return the error rates inside each group of people, at one threshold for all.

    ``person_of``: what the person of each label is called. Nothing where the data cannot tell one.
    """
    limit = limit_of(found.impostor, COMPARED_AT)
    if limit is None:
        return {}
    floor = limit_of(searched.strangers, SEARCHED_AT) if searched else None
    shown: dict[str, Any] = {}
    for column, labelled in groups.items():
        for group in sorted(set(labelled.values())):
            inside = np.array([n for n, p in person_of.items() if labelled.get(p) == group])
            row = {"people": len(inside), **_compared(found, inside, limit)}
            if searched is not None and floor is not None:
                row |= _searched(searched, inside, floor)
            shown.setdefault(column, {})[group] = row
    return shown


def _compared(found: Comparisons, inside: Any, limit: Limit) -> dict[str, Any]:
    """Return FNMR and FMR among the people ``inside``."""
    genuine = np.isin(found.genuine_people, inside)
    impostor = np.isin(found.impostor_people, inside).all(axis=1)
    missed = _below(found.genuine[genuine], limit.threshold)
    wrong = ~_below(found.impostor[impostor], limit.threshold)
    return {
        "threshold": limit.threshold,
        "fnmr": told(missed),
        "fmr": told(wrong, least=limit.rate),
    }


def _searched(found: Searched, inside: Any, limit: Limit) -> dict[str, Any]:
    """Return FNIR of known people, and FPIR of strangers, who are ``inside``."""
    known, strange = np.isin(found.probes_of, inside), np.isin(found.strangers_of, inside)
    missed = (found.ranks[known] > 1) | _below(found.own[known], limit.threshold)
    named = ~_below(found.strangers[strange], limit.threshold)
    return {
        "search_threshold": limit.threshold,
        "fnir": told(missed),
        "fpir": told(named, least=limit.rate),
    }


def _below(scores: Any, threshold: float) -> Flags:
    return np.asarray(scores < np.float32(threshold))


def told(errors: NDArray[np.bool_], *, least: float = rates.RULE_OF_THREE / FEWEST) -> Any:
    """Return a rate, or that so few trials cannot tell one as small as ``least``."""
    count, trials = int(errors.sum()), len(errors)
    if not rates.supported(least, trials):
        return {"refused": rates.refusal(least, trials), "errors": count, "trials": trials}
    return rates.proportion(count, trials)


def by_years(apart: Doubles, found: Comparisons) -> list[dict[str, Any]]:
    """Return FNMR by the years that lie between the two photographs: (G,), NaN where not known."""
    limit = limit_of(found.impostor, COMPARED_AT)
    if limit is None:
        return []
    shown = []
    for low, high in zip(YEARS, YEARS[1:], strict=False):
        some = (apart >= low) & (apart < high)
        missed = _below(found.genuine[some], limit.threshold)
        row = {"from": low, "to": high, "threshold": limit.threshold, "fnmr": told(missed)}
        shown.append(row)
    return shown
