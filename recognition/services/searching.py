"""Searching a gallery for faces: the most similar people, and those of them who may be named."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from django.conf import settings

from recognition.decisions import Policy
from recognition.gallery.exact import ALL, Candidate
from recognition.gallery.index import Index
from recognition.models import Gallery
from recognition.pipeline.types import Face
from recognition.services.naming import Named, people

Found = list[list[Candidate] | None]  # for each face, best first; None: it has no embedding
NEAR = 0.02  # so far below the threshold the nearest person is still told for sure
MOST_SEARCHED = 1000  # people of a face, beyond whom nobody is looked for
WIDER = 8  # times as many are looked for where some of those found cannot be named


def nearest(
    index: Index, faces: list[Face], gallery: Gallery, policy: Policy, shown: tuple[int, int]
) -> tuple[Found, dict[int, Named]]:
    """Return the most similar people of each face, and those of them who may be named.

    Who may not be named, for want of consent or being erased since, is left out and takes
    nobody's place; neither does who is near, but not as near as their references ask for.
    ``shown``: how many matches, how many candidates.
    """
    # Two at the least, to see whether the best one stands alone. Everybody is compared where
    # people below the threshold are asked for as well.
    limit, floor = max(*shown, 2), ALL if shown[1] else policy.threshold
    while True:
        found = _search(index, faces, limit=limit, floor=floor)
        asked = _to_be_named(found, policy, everybody=bool(shown[1]) or settings.CONSENT_REQUIRED)
        who = people(gallery, asked)
        hidden = asked - who.keys()
        named = [some and [c for c in some if c.subject_number not in hidden] for some in found]
        full = (
            (left, some[-1].similarity)
            for some, left in zip(found, named, strict=True)
            if some and left is not None and len(some) == limit < MOST_SEARCHED
        )
        if not any(_is_wanting(left, last, who, policy, shown) for left, last in full):
            return named, who
        limit = min(limit * WIDER, MOST_SEARCHED)


def _search(index: Index, faces: list[Face], *, limit: int, floor: float) -> Found:
    """Return the most similar people of each face, None for a face without an embedding."""
    probes = [face.embedding for face in faces if face.embedding is not None]
    found = iter(
        index.search(np.stack(probes), limit=limit, floor=floor, near=NEAR) if probes else []
    )
    return [None if face.embedding is None else next(found) for face in faces]


def _to_be_named(found: Found, policy: Policy, *, everybody: bool) -> set[int]:
    """Return the numbers of those who can be a match, or of ``everybody`` found."""
    all_found = (candidate for some in found for candidate in some or ())
    return {c.subject_number for c in all_found if everybody or policy.accepts(c.similarity)}


def _is_wanting(
    near: list[Candidate],
    last: float,
    who: Mapping[int, Named],
    policy: Policy,
    shown: tuple[int, int],
) -> bool:
    """Say whether people less similar than ``last``, to whom the search went, may be wanting."""
    references = [(c, who[c.subject_number].references) for c in near if c.subject_number in who]
    reaching = sum(policy.accepts(c.similarity, count) for c, count in references)
    return len(near) < shown[1] or (policy.accepts(last) and reaching < max(shown[0], 2))
