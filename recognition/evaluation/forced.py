"""What the thresholds in force do: each person's follows from how many references they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from recognition.decisions import Policy
from recognition.evaluation import groups, searches
from recognition.evaluation.choosing import Labels
from recognition.evaluation.samples import Sample
from recognition.evaluation.searches import Handicap, Searched

PolicyFor = Callable[[int], Policy]  # by how many people there are
Parts = Any  # (embeddings, labels), or None


def of_people(
    sample: Sample, strangers: Parts, references: int, policy_for: PolicyFor
) -> dict[str, Any]:
    """Return FPIR and FNIR of folders of people, registered as ``searches.split`` does."""
    registered, probes, unknown = searches.split(
        sample.embeddings, sample.labels, references=references, strangers=strangers is None
    )
    templates, people = searches.templates_of(*registered)
    policy = policy_for(len(people))
    counts = np.unique(registered[1], return_counts=True)[1]
    taken = handicap_of(policy)(counts)
    outside = unknown if strangers is None else strangers
    found = searches.search(templates, people, probes, outside, taken)
    return told(found, policy, counts[np.searchsorted(people, found.probes_of)], int(counts.max()))


def of_gallery(sample: Sample, strangers: Parts, policy_for: PolicyFor) -> dict[str, Any]:
    """Return FPIR and FNIR of a gallery's references, each left out once."""
    parts = (sample.embeddings, sample.labels)
    people, counts = np.unique(sample.labels, return_counts=True)
    policy = policy_for(len(people))
    handicap = handicap_of(policy)
    _, found = searches.leave_one_out(*parts, handicap)
    if strangers is not None:
        found = searches.against(*parts, found, strangers, handicap)
    having = counts[np.searchsorted(people, found.probes_of)] - 1
    return told(found, policy, having, int(counts.max()))


def handicap_of(policy: Policy) -> Handicap:
    """Return what is taken from everybody's similarities so that one threshold serves for all."""

    def handicap(counts: Labels) -> Any:
        above = {n: policy.threshold_for(n) - policy.threshold for n in set(counts.tolist())}
        return np.array([above[n] for n in counts.tolist()], np.float32)

    return handicap


def told(found: Searched, policy: Policy, having: Labels, most: int) -> dict[str, Any]:
    """Return the rates that are promised, and those measured.

    ``having``: (P,) how many references the person of each probe has; ``most``: anybody at all.
    """
    limit = np.float32(policy.threshold)
    return {
        "threshold": policy.threshold,
        "threshold_source": policy.source,
        "promised": _promised(policy, having),
        "warning": " ".join(filter(None, [policy.warning(), _beyond(policy, most)])) or None,
        "fpir": groups.told(
            found.strangers >= limit,
            found.strangers_of,
            least=policy.target or 0.1,
            of="strangers",
        ),
        "fnir": groups.told((found.ranks > 1) | (found.own < limit), found.probes_of),
    }


def _beyond(policy: Policy, most: int) -> str | None:
    """Say where somebody has more references than thresholds are known for."""
    if policy.fmr is None or policy.calibration is None:
        return None
    return policy.calibration.beyond(most)


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
