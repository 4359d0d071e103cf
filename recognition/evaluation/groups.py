"""Error rates told apart: by groups of people, and by the years between two photographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recognition.calibration import Doubles, interval_by_people
from recognition.evaluation import rates
from recognition.evaluation.choosing import Flags, Labels
from recognition.evaluation.comparing import COUNTED, Comparisons, distinct_pairs, possible_pairs
from recognition.evaluation.searches import Searched

COMPARED_AT = (1e-3, 1e-2)  # FMR of everybody together, the first that the data can tell
SEARCHED_AT = (1e-2, 1e-1)  # FPIR, likewise
FEWEST = 30  # people: by fewer not even a rate of 10 % is told (rule of three)
YEARS = (0, 1, 2, 5, 10, 100)

Groups = Mapping[str, Mapping[str, str]]  # {column: {person: group}}


@dataclass(frozen=True, slots=True)
class Limit:
    """The threshold at which everybody together has the error rate ``rate``."""

    rate: float
    threshold: float


def limit_of(impostors: Any, wanted: tuple[float, ...], different: int) -> Limit | None:
    """Return the threshold of the first of ``wanted`` that so many different people, or pairs of
    them, can tell."""
    for rate in wanted:
        if rates.supported(rate, different):
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
    limit = limit_of(found.impostor, COMPARED_AT, found.pairs)
    if limit is None:
        return {}
    floor = _floor(searched) if searched else None
    shown: dict[str, Any] = {}
    for column, labelled in groups.items():
        for group in sorted(set(labelled.values())):
            inside = np.array([n for n, p in person_of.items() if labelled.get(p) == group])
            row = {"people": len(inside), **_compared(found, inside, limit)}
            if searched is not None and floor is not None:
                row |= _searched(searched, inside, floor)
            shown.setdefault(column, {})[group] = row
    return shown


def _floor(searched: Searched) -> Limit | None:
    different = len(np.unique(searched.strangers_of))
    return limit_of(searched.strangers, SEARCHED_AT, different)


def _compared(found: Comparisons, inside: Any, limit: Limit) -> dict[str, Any]:
    """Return FNMR and FMR among the people ``inside``."""
    of_group = np.isin(found.people, inside)
    genuine, impostor = of_group[found.genuine_people], found.among(of_group)
    missed = _below(found.genuine[genuine], limit.threshold)
    trials = int(impostor.sum())
    wrong = trials - int((_below(found.impostor, limit.threshold) & impostor).sum())
    pairs = possible_pairs(int(of_group.sum()))
    if trials <= COUNTED:
        pairs = distinct_pairs(found.impostor_people[impostor], len(found.people))
    return {
        "threshold": limit.threshold,
        "fnmr": told(missed, found.genuine_people[genuine]),
        "fmr": _proportion(wrong, trials, min(pairs, trials), rates.PAIRS, limit.rate),
    }


def _searched(found: Searched, inside: Any, limit: Limit) -> dict[str, Any]:
    """Return FNIR of known people, and FPIR of strangers, who are ``inside``."""
    known, strange = np.isin(found.probes_of, inside), np.isin(found.strangers_of, inside)
    missed = (found.ranks[known] > 1) | _below(found.own[known], limit.threshold)
    named = ~_below(found.strangers[strange], limit.threshold)
    strangers = found.strangers_of[strange]
    return {
        "search_threshold": limit.threshold,
        "fnir": told(missed, found.probes_of[known]),
        "fpir": told(named, strangers, least=limit.rate, of="strangers"),
    }


def _below(scores: Any, threshold: float) -> Flags:
    return np.asarray(scores < np.float32(threshold))


def told(
    errors: Flags,
    whose: Labels | Any,
    *,
    least: float = rates.RULE_OF_THREE / FEWEST,
    of: str = "people",
) -> dict[str, Any]:
    """Return a rate, or that so few different people cannot tell one as small as ``least``.

    errors: (N,); whose: (N,) of whom each trial is.
    """
    people = len(np.unique(whose))
    found = _proportion(int(errors.sum()), len(errors), people, of, least)
    return (
        found if "refused" in found else found | {"bootstrap_95": interval_by_people(errors, whose)}
    )


def _proportion(errors: int, trials: int, different: int, of: str, least: float) -> dict[str, Any]:
    if not rates.supported(least, different):
        refused = rates.refusal(least, different, of)
        return {"refused": refused, "errors": errors, "trials": trials}
    return rates.proportion(errors, trials)


def by_years(apart: Doubles, found: Comparisons) -> list[dict[str, Any]]:
    """Return FNMR by the years that lie between the two photographs: (G,), NaN where not known."""
    limit = limit_of(found.impostor, COMPARED_AT, found.pairs)
    if limit is None:
        return []
    shown = []
    for low, high in zip(YEARS, YEARS[1:], strict=False):
        some = (apart >= low) & (apart < high)
        missed = _below(found.genuine[some], limit.threshold)
        row = {"from": low, "to": high, "threshold": limit.threshold}
        row |= {"fnmr": told(missed, found.genuine_people[some])}
        shown.append(row)
    return shown
