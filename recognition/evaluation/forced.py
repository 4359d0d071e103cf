"""What the thresholds in force do: each person's follows from how many references they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recognition.decisions import Policy
from recognition.evaluation import groups, searches
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
    taken = handicap_of(policy)(np.unique(registered[1], return_counts=True)[1])
    outside = unknown if strangers is None else strangers
    return told(searches.search(templates, people, probes, outside, taken), policy)


def of_gallery(sample: Sample, strangers: Parts, policy_for: PolicyFor) -> dict[str, Any]:
    """Return FPIR and FNIR of a gallery's references, each left out once."""
    parts = (sample.embeddings, sample.labels)
    policy = policy_for(len(np.unique(sample.labels)))
    handicap = handicap_of(policy)
    _, found = searches.leave_one_out(*parts, handicap)
    if strangers is not None:
        found = searches.against(*parts, found, strangers, handicap)
    return told(found, policy)


def handicap_of(policy: Policy) -> Handicap:
    """Return what is taken from everybody's similarities so that one threshold serves for all."""

    def handicap(counts: searches.Labels) -> Any:
        above = {n: policy.threshold_for(n) - policy.threshold for n in set(counts.tolist())}
        return np.array([above[n] for n in counts.tolist()], np.float32)

    return handicap


def told(found: Searched, policy: Policy) -> dict[str, Any]:
    """Return the rates that are promised, and those measured."""
    limit = np.float32(policy.threshold)
    return {
        "threshold": policy.threshold,
        "threshold_source": policy.source,
        "promised": policy.expected(),
        "warning": policy.warning(),
        "fpir": groups.told(found.strangers >= limit, least=policy.target or 0.1),
        "fnir": groups.told((found.ranks > 1) | (found.own < limit)),
    }
