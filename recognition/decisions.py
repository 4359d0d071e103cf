"""From similarities to decisions: which threshold holds, where it comes from, what it means."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from recognition.gallery.exact import Candidate
from recognition.models import Gallery

CALIBRATIONS = Path(__file__).parent / "calibrations"
VERIFY_FMR = 1e-3  # DESIGN section 2
IDENTIFY_FPIR = 1e-2  # DESIGN section 2: identify at FMR = FPIR / N

MATCH, AMBIGUOUS, UNKNOWN, NOT_SEARCHED = "match", "ambiguous", "unknown", "not_searched"


@dataclass(frozen=True, slots=True)
class Policy:
    """The limit of a decision and where it comes from.

    ``source``: request, gallery, setting, calibration, or not_measured (the embedder's error
    rates are not known). ``fmr``: the rate the threshold stands for, None unless calibrated.
    """

    threshold: float
    source: str
    margin: float
    fmr: float | None = None
    people: int | None = None

    def accepts(self, similarity: float) -> bool:
        """Say whether ``similarity`` reaches the threshold."""
        return similarity >= self.threshold

    @classmethod
    def for_verify(
        cls, embedder: str, *, gallery: Gallery | None = None, requested: float | None = None
    ) -> Self:
        """Return what a 1:1 comparison is decided by."""
        return cls._chosen(Calibration.of(embedder), VERIFY_FMR, gallery, requested)

    @classmethod
    def for_identify(
        cls, embedder: str, *, people: int, gallery: Gallery, requested: float | None = None
    ) -> Self:
        """Return what a search among ``people`` is decided by: more people, a higher threshold."""
        fmr = IDENTIFY_FPIR / max(people, 1)
        return cls._chosen(Calibration.of(embedder), fmr, gallery, requested, people)

    @classmethod
    def _chosen(
        cls,
        calibration: Calibration,
        fmr: float,
        gallery: Gallery | None,
        requested: float | None,
        people: int | None = None,
    ) -> Self:
        margin = settings.FACE_AMBIGUITY_MARGIN
        margin = calibration.ambiguity_margin if margin is None else margin
        for source, threshold in (
            ("request", requested),
            ("gallery", gallery.threshold if gallery else None),
            ("setting", settings.FACE_MATCHING_THRESHOLD),
        ):
            if threshold is not None:
                return cls(threshold, source, margin, people=people)
        if not calibration.measured:
            return cls(calibration.threshold_at(fmr), "not_measured", margin, people=people)
        return cls(calibration.threshold_at(fmr), "calibration", margin, fmr, people)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured of one embedder: ``rates`` and ``similarities`` fall and rise together.

    Stored in ``calibrations/<embedder>.json`` by ``manage.py measure_thresholds``.
    """

    embedder: str
    measured: bool
    data_set: str | None
    ambiguity_margin: float
    log_rates: tuple[float, ...]
    similarities: tuple[float, ...]

    @classmethod
    @cache
    def of(cls, embedder: str) -> Self:
        """Return the calibration that this version ships for ``embedder``."""
        stored: dict[str, Any] = json.loads((CALIBRATIONS / f"{embedder}.json").read_text())
        rows = sorted(stored.get("thresholds", []), key=lambda row: -row["fmr"])
        if not stored["measured"]:
            rows = [{"fmr": 1.0, "similarity": stored["threshold"]}]
        return cls(
            stored["embedder"],
            stored["measured"],
            stored["data_set"],
            stored["ambiguity_margin"],
            tuple(math.log10(row["fmr"]) for row in rows),
            tuple(row["similarity"] for row in rows),
        )

    def threshold_at(self, fmr: float) -> float:
        """Return the similarity that a share ``fmr`` of impostors reaches.

        Between the measured rates it is linear in log10(fmr); past the ends the last one holds.
        """
        wanted = math.log10(fmr)
        points = list(zip(self.log_rates, self.similarities, strict=True))
        for (left, low), (right, high) in zip(points, points[1:], strict=False):
            if left >= wanted >= right:
                return low + (high - low) * (wanted - left) / (right - left)
        return points[0][1] if wanted > points[0][0] else points[-1][1]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one probe, and why. ``matches``: people at or above the threshold."""

    status: str
    reason: str
    matches: tuple[Candidate, ...] = ()


def decide(candidates: list[Candidate], policy: Policy, *, limit: int) -> Decision:
    """Decide about one probe from its most similar people, best first."""
    reached = [c for c in candidates if policy.accepts(c.similarity)]
    limit_said = f"the threshold {policy.threshold:.3f}"
    if not candidates:
        return Decision(UNKNOWN, "Nobody is registered in this gallery.")
    if not reached:
        best = candidates[0].similarity
        return Decision(UNKNOWN, f"The nearest found, at {best:.3f}, is under {limit_said}.")
    if len(reached) > 1:
        lead = reached[0].similarity - reached[1].similarity
        if lead < policy.margin:
            why = f"Two people are within {lead:.3f} of each other, closer than {policy.margin:g}."
            return Decision(AMBIGUOUS, why, tuple(reached[: max(limit, 2)]))
    reason = f"The similarity {reached[0].similarity:.3f} reaches {limit_said}."
    return Decision(MATCH, reason, tuple(reached[:limit]))
