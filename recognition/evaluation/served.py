"""What the service refuses, counted: a photograph that it does not take is an answer it owes.

Failure to acquire: share of photographs that are no probe (no face, too small, too poor). Failure
to enrol: share of people none of whose references is taken. With them the error rates are those of
whole transactions: who is refused is missed, and a stranger who is refused is not named.
Source: ISO/IEC 19795-1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from recognition.evaluation import rates, searches
from recognition.evaluation.choosing import Flags
from recognition.evaluation.comparing import Comparisons
from recognition.evaluation.samples import NEVER, Sample, all_pairs, compared_of
from recognition.evaluation.searches import Searched
from recognition.evaluation.watching import Watch, unwatched

KEPT = ("genuine", "impostor", "eer", "fnmr_at_fmr")  # of a report on comparisons


def acquisition(codes: Sequence[str]) -> dict[str, Any]:
    """Return how many photographs are refused, and why; ``codes``: one each, empty: taken."""
    reasons = Counter(code for code in codes if code)
    return {**rates.proportion(reasons.total(), len(codes)), "reasons": dict(reasons)}


def enrolment(sample: Sample, references: int) -> dict[str, Any]:
    """Return how many people have no photograph, among the first ``references``, that is taken."""
    first = searches.roles(sample.labels, references=references, strangers=False)[0]
    fit = sample.part(first & ~sample.flags(sample.unfit))
    lost = sample.part(first & ~np.isin(sample.labels, fit.labels))
    people = len(np.unique(sample.labels))
    why: dict[int, str] = {}  # of each person, by the first photograph
    for label, name in zip(lost.labels.tolist(), lost.names, strict=True):
        why.setdefault(label, lost.unfit[name])
    return {**rates.proportion(len(why), people), "reasons": dict(Counter(why.values()))}


def people_served(
    sample: Sample, *, references: int, strangers: Sample | None, watch: Watch = unwatched
) -> dict[str, Any]:
    """Return the error rates of folders of people; ``sample``: all photographs, refused or not."""
    return {
        "verification": compared(all_pairs(compared_of(sample), watch)[0], watch),
        "identification": {
            "open_set": searches.identification(
                search(sample, references=references, strangers=strangers), watch
            )
        },
    }


def compared(found: Comparisons, watch: Watch = unwatched) -> dict[str, Any]:
    """Return the error rates of comparisons, those that were refused counting as NEVER."""
    report = rates.verification(found, watch)
    return {name: report[name] for name in KEPT}


def search(sample: Sample, *, references: int, strangers: Sample | None) -> Searched:
    """Search as the service does; whoever is refused, or was not enrolled, is not found."""
    first, probes, outside = searches.roles(
        sample.labels, references=references, strangers=strangers is None
    )
    taken = first & ~sample.flags(sample.unfit)
    templates, people = searches.templates_of(sample.embeddings[taken], sample.labels[taken])
    unknown = sample.part(outside) if strangers is None else strangers
    asked = probes & ~sample.flags(sample.refused) & np.isin(sample.labels, people)
    seen = ~unknown.flags(unknown.refused) & bool(len(people))
    found = searches.search(
        templates,
        people,
        (sample.embeddings[asked], sample.labels[asked]),
        (unknown.embeddings[seen], unknown.labels[seen]),
    )
    return _with_refused(found, sample.labels[probes & ~asked], unknown.labels[~seen])


def _with_refused(found: Searched, lost: Any, unseen: Any) -> Searched:
    """Return the searches with those that did not take place, by whose they were."""
    never, none = np.full(len(lost), NEVER), np.full(len(unseen), NEVER)
    return Searched(
        found.people,
        np.concatenate([found.ranks, np.full(len(lost), found.people + 1)]),
        np.concatenate([found.own, never]),
        np.concatenate([found.probes_of, lost]),
        np.concatenate([found.strangers, none]),
        np.concatenate([found.strangers_of, unseen]),
    )


def pairs_served(similarities: Any, same: Flags, refused: Flags, people: Any) -> dict[str, Any]:
    """Return the error rates of a list of pairs; ``people``: (P, 2), ``refused``: (P,)."""
    scores = np.where(refused | np.isnan(similarities), NEVER, similarities).astype(np.float32)
    found = Comparisons.of(scores[same], scores[~same], people[same][:, 0], people[~same])
    return {"verification": compared(found)}
