"""What the thresholds in force do: each person's follows from how many references they have.

Counted is what a search answers, as ``decisions.decide`` does. An ambiguous answer names nobody:
known people are missed by it, and strangers are not named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from recognition.calibration import Doubles
from recognition.decisions import Policy
from recognition.evaluation import groups, searches
from recognition.evaluation.choosing import Labels
from recognition.evaluation.samples import Sample
from recognition.pipeline.types import Floats

PolicyFor = Callable[[int], Policy]  # by how many people there are
Names = Callable[[Floats], Labels]  # from (P, D) probes to whom each names (P,)
NOBODY, SEVERAL = -1, -2  # in place of a label: unknown, and ambiguous


def of_people(
    sample: Sample, strangers: Sample | None, references: int, policy_for: PolicyFor
) -> dict[str, Any]:
    """Return FPIR and FNIR of folders of people, registered as ``searches.split`` does.

    Of all photographs: one that the service refuses is no reference, and names nobody.
    """
    first, asking, outside = searches.roles(
        sample.labels, references=references, strangers=strangers is None
    )
    kept = sample.part(first & ~sample.flags(sample.unfit))
    people, counts = np.unique(kept.labels, return_counts=True)
    policy = policy_for(len(people)).among(counts.tolist())
    names = _search(policy, kept)
    probes = sample.part(asking)
    unknown = sample.part(outside) if strangers is None else strangers
    enrolled = probes.labels[np.isin(probes.labels, people)]
    having = counts[np.searchsorted(people, enrolled)]
    others = (_asked(unknown, names), unknown.labels)
    return told(_asked(probes, names), probes.labels, others, policy, having)


def of_gallery(sample: Sample, strangers: Sample | None, policy_for: PolicyFor) -> dict[str, Any]:
    """Return FPIR and FNIR of a gallery's references, each left out once."""
    people, counts = np.unique(sample.labels, return_counts=True)
    policy = policy_for(len(people)).among(counts.tolist())
    named, others = leave_one_out(sample.embeddings, sample.labels, policy)
    unknown = (others, sample.labels)
    if strangers is not None:
        unknown = (_asked(strangers, _search(policy, sample)), strangers.labels)
    having = counts[np.searchsorted(people, sample.labels)] - 1
    asking = having > 0
    return told(named[asking], sample.labels[asking], unknown, policy, having[asking])


def limits_of(policy: Policy, counts: Labels) -> Doubles:
    """Return (N,) what people with so many references must reach."""
    limits = {n: policy.threshold_for(n) for n in set(counts.tolist())}
    return np.array([limits[n] for n in counts.tolist()], np.float64)


def _asked(sample: Sample, names: Names) -> Labels:
    """Return (N,) whom each photograph names; one that is refused names nobody."""
    found = np.full(len(sample.labels), NOBODY)
    taken = ~sample.flags(sample.refused)
    found[taken] = names(sample.embeddings[taken])
    return found


def _search(policy: Policy, registered: Sample) -> Names:
    """Return what tells whom probes name among the people ``registered``."""
    templates, people = searches.templates_of(registered.embeddings, registered.labels)
    limits = limits_of(policy, np.unique(registered.labels, return_counts=True)[1])

    def names(probes: Floats) -> Labels:
        found = [np.full(0, NOBODY)]
        for part, _ in searches.blocks(probes, np.arange(len(probes)), len(people)):
            similarities = part @ templates.T
            reaching = np.where(similarities >= limits, similarities, -np.inf)
            found.append(_named(reaching, people, policy.margin))
        return np.concatenate(found)

    return names


def leave_one_out(embeddings: Floats, labels: Labels, policy: Policy) -> tuple[Labels, Labels]:
    """Return (N,) whom each reference names without being one; also without its person's others.

    Who has no other reference is not registered either time.
    """
    templates, people = searches.templates_of(embeddings, labels)
    column = np.searchsorted(people, labels)
    counts = np.bincount(column, minlength=len(people))
    limits = limits_of(policy, counts)
    own = _own(embeddings, column, counts, policy)
    named, unknown = [np.full(0, NOBODY)], [np.full(0, NOBODY)]
    for part, rows in searches.blocks(embeddings, np.arange(len(labels)), len(people)):
        similarities = part @ templates.T
        reaching = np.where(similarities >= limits, similarities, -np.inf)
        at = (np.arange(len(part)), column[rows])
        reaching[at] = -np.inf
        unknown.append(_named(reaching, people, policy.margin))
        reaching[at] = own[rows]
        named.append(_named(reaching, people, policy.margin))
    return np.concatenate(named), np.concatenate(unknown)


def _own(embeddings: Floats, column: Labels, counts: Labels, policy: Policy) -> Floats:
    """Return (N,) similarities to the mean of one's others, -inf where that is not enough."""
    own = searches.without_itself(embeddings, column)
    reaches = own >= limits_of(policy, np.maximum(1, counts - 1))[column]  # NaN reaches nothing
    return np.where(reaches, own, np.float32(-np.inf))


def _named(reaching: Floats, people: Labels, margin: float) -> Labels:
    """Return (P,) whom each probe names; ``reaching``: (P, N) -inf of who is not near enough."""
    if not len(people):
        return np.full(len(reaching), NOBODY)
    rows = np.arange(len(reaching))
    first = reaching.argmax(axis=1)
    best = reaching[rows, first]
    reaching[rows, first] = -np.inf
    second = reaching.max(axis=1)
    reaching[rows, first] = best
    lead = np.full(len(rows), np.inf)
    np.subtract(best, second, out=lead, where=second > -np.inf, dtype=np.float64)
    named = np.where((lead < margin) | (lead == 0), SEVERAL, people[first])
    return np.where(best > -np.inf, named, NOBODY)


def told(
    named: Labels,
    whose: Labels,
    strangers: tuple[Labels, Labels],
    policy: Policy,
    having: Labels,
) -> dict[str, Any]:
    """Return the rates that are promised, and those measured.

    policy: told how many references people have (``among``);
    named, whose: (P,) whom each probe names, and whose it is; strangers: (S,) likewise;
    having: (Q,) how many references those people have who have any, for each of their probes.
    """
    return {
        "threshold": policy.threshold,
        "threshold_source": policy.source,
        "promised": _promised(policy, having),
        "warning": policy.warning(),
        "fpir": groups.told(
            strangers[0] >= 0, strangers[1], least=policy.target or 0.1, of="strangers"
        ),
        "fnir": groups.told(named != whose, whose),
        "ambiguous": groups.told(named == SEVERAL, whose),
        "ambiguous_strangers": groups.told(strangers[0] == SEVERAL, strangers[1], of="strangers"),
    }


def _promised(policy: Policy, having: Labels) -> dict[str, float] | None:
    """Return what the calibration tells of such people, None where nothing was measured."""
    of_one = policy.expected()
    if of_one is None or not len(having):
        return of_one
    numbers, probes = np.unique(having, return_counts=True)
    missed = []
    for n in numbers.tolist():
        theirs = replace(policy, threshold=policy.threshold_for(n), references=n).expected()
        missed.append(theirs["fnir"] if theirs else 0.0)
    return {"fpir": of_one["fpir"], "fnir": float(np.average(missed, weights=probes))}
