"""From similarities to decisions: which threshold holds, where it comes from, what it means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from django.conf import settings
from django.utils.translation import gettext as _

from recognition.curves import CALIBRATIONS, Calibration
from recognition.gallery.exact import Candidate
from recognition.models import Gallery

__all__ = ["CALIBRATIONS", "Calibration", "Decision", "Policy", "decide"]

IDENTIFY_FPIR = 1e-2  # what evaluations tell of: the default of FACE_TARGET_FPIR

MATCH, AMBIGUOUS, UNKNOWN, NOT_SEARCHED = "match", "ambiguous", "unknown", "not_searched"
# Where a threshold may come from, in the order of precedence.
SOURCES = (
    "request",
    "request_target",
    "gallery",
    "gallery_target",
    "setting",
    "calibration",  # FACE_TARGET_FMR, FACE_TARGET_FPIR
    "not_measured",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for: a threshold, or an error rate (FMR 1:1, FPIR 1:N), or neither."""

    threshold: float | None = None
    target: float | None = None


BY_SETTINGS = Wanted()


@dataclass(frozen=True, slots=True)
class Policy:
    """The limit of a decision and where it comes from.

    ``threshold``: for people with ``references`` references; ``threshold_for`` tells that for
    others. ``source``: one of SOURCES. ``fmr``: the rate the threshold stands for, None where it
    was given. ``people``: how many are searched, None for 1:1. ``target``: the rate asked for.
    ``most_references``: how many somebody has at the most of those who were compared.
    """

    threshold: float
    source: str
    margin: float
    fmr: float | None = None
    people: int | None = None
    calibration: Calibration | None = None
    references: int = 1
    target: float | None = None
    most_references: int = 1

    def among(self, references: Iterable[int]) -> Self:
        """Return this policy, told how many ``references`` each person has who was compared."""
        return replace(self, most_references=max(references, default=1))

    def threshold_for(self, references: int) -> float:
        """Return the threshold for people with so many references: the same error rate for all."""
        if self.fmr is None or self.calibration is None:
            return self.threshold
        return self.calibration.threshold_at(self.fmr, references)

    def accepts(self, similarity: float, references: int | None = None) -> bool:
        """Say whether ``similarity`` reaches the threshold for people with so many references."""
        limit = self.threshold if references is None else self.threshold_for(references)
        return similarity >= limit

    def expected(self) -> dict[str, float | int] | None:
        """Return the error rates that the calibration tells for this threshold.

        None where nothing was measured. Past the ends of the curve its last values are given.
        """
        if self.calibration is None or not self.calibration.measured:
            return None
        fmr = self.calibration.fmr_at(self.threshold, self.references)
        if self.fmr is not None:
            fmr = max(self.fmr, self.calibration.ends_at)  # the threshold is capped there
        missed = self.calibration.fnmr_at(self.threshold, self.references)
        if self.people is None:
            return {"fmr": fmr, "fnmr": missed, "references": self.references}
        return {
            "fpir": -math.expm1(self.people * math.log1p(-fmr)),  # 1 - (1 - FMR)^N
            "fnir": missed,
            "references": self.references,
        }

    def warning(self) -> str | None:
        """Say in words where the calibration does not bear what is expected of it.

        It bears least for people with many references: few people were measured with so many.
        """
        calibration = self.calibration
        if calibration is None or self.fmr is None and self.target is None:
            return None
        if not calibration.measured:
            return (
                f"The error rates of {calibration.embedder} are not measured: the threshold "
                f"{self.threshold:g} stands for none."
            )
        most = max(self.references, self.most_references)
        supported = calibration.supported_for(most)
        if self.fmr is None:
            return None
        if self.fmr >= supported:
            return calibration.beyond(most)
        wanted = f"This decision wants an FMR of {self.fmr:.1e}; the comparisons behind"
        known = f"{wanted} {calibration.id} tell no less than {supported:.1e}"
        known += f" for people with {most} references." if most > 1 else "."
        if self.fmr < calibration.ends_at:
            return f"{known} The threshold is capped at that for {calibration.ends_at:.0e}."
        return f"{known} The threshold is read off a fitted tail."

    @classmethod
    def for_verify(
        cls,
        embedder: str,
        *,
        gallery: Gallery | None = None,
        wanted: Wanted = BY_SETTINGS,
        references: int = 1,
    ) -> Self:
        """Return what a 1:1 comparison with a person of so many references is decided by."""
        target = gallery.target_fmr if gallery else None
        found, source = _chosen(wanted, gallery, target, settings.FACE_TARGET_FMR)
        calibration = Calibration.active(embedder, gallery)
        policy = cls._made(calibration, found, source, found.target)
        return replace(policy, threshold=policy.threshold_for(references), references=references)

    @classmethod
    def for_identify(
        cls, embedder: str, *, people: int, gallery: Gallery, wanted: Wanted = BY_SETTINGS
    ) -> Self:
        """Return what a search among ``people`` is decided by: more people, a higher threshold."""
        found, source = _chosen(wanted, gallery, gallery.target_fpir, settings.FACE_TARGET_FPIR)
        fmr = None if found.target is None else fmr_for(found.target, people)
        calibration = Calibration.active(embedder, gallery)
        return replace(cls._made(calibration, found, source, fmr), people=people)

    @classmethod
    def _made(cls, calibration: Calibration, found: Wanted, source: str, fmr: float | None) -> Self:
        margin = settings.FACE_AMBIGUITY_MARGIN
        margin = calibration.ambiguity_margin if margin is None else margin
        if found.threshold is not None:
            return cls(found.threshold, source, margin, calibration=calibration)
        if not calibration.measured:
            source, fmr, limit = "not_measured", None, calibration.threshold or 0.0
        else:
            assert fmr is not None  # noqa: S101  # no threshold, so a target; for mypy
            limit = calibration.threshold_at(fmr)
        return cls(limit, source, margin, fmr=fmr, calibration=calibration, target=found.target)


def fmr_for(fpir: float, people: int) -> float:
    """Return the FMR at which a search among ``people`` names a share ``fpir`` of strangers.

    FPIR = 1 - (1 - FMR)^N; strangers resemble some people at once, so that it is a little less.
    """
    # In logarithms: of a small rate among many people, 1 - (1 - fpir)^(1/N) leaves nothing.
    return -math.expm1(math.log1p(-fpir) / max(people, 1))


def _chosen(
    wanted: Wanted, gallery: Gallery | None, gallery_target: float | None, target: float
) -> tuple[Wanted, str]:
    """Return the first threshold or target there is, and where it comes from."""
    if wanted.threshold is not None:
        return Wanted(wanted.threshold), "request"
    if wanted.target is not None:
        return Wanted(target=wanted.target), "request_target"
    if gallery is not None and gallery.threshold is not None:
        return Wanted(gallery.threshold), "gallery"
    if gallery_target is not None:
        return Wanted(target=gallery_target), "gallery_target"
    if settings.FACE_MATCHING_THRESHOLD is not None:
        return Wanted(settings.FACE_MATCHING_THRESHOLD), "setting"
    return Wanted(target=target), "calibration"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one probe, and why. ``matches``: people at or above the threshold.

    ``margin``: how far the first who reaches the threshold is above the next person, or where
    nobody does the nearest; None where no next one was found.
    """

    status: str
    reason: str
    matches: tuple[Candidate, ...] = ()
    margin: float | None = None


def decide(
    candidates: list[Candidate],
    policy: Policy,
    *,
    limit: int,
    references: Mapping[int, int] | None = None,
) -> Decision:
    """Decide about one probe from its most similar people, best first.

    ``references``: how many each of them has, by number; 1 where that is not said. Whoever is
    nearer than the first who reaches the own threshold, without reaching theirs, is not named.
    """
    if not candidates:
        found = _("Nobody who may be named was found.")
        nobody = _("Nobody is registered in this gallery.")
        return Decision(UNKNOWN, found if policy.people else nobody)
    counts = references or {}
    limits = [policy.threshold_for(counts.get(c.subject_number, 1)) for c in candidates]
    places = [n for n, c in enumerate(candidates) if c.similarity >= limits[n]]
    if not places:
        said = _("The nearest found, at %(best).3f, is under the threshold %(limit).3f.")
        said %= {"best": candidates[0].similarity, "limit": limits[0]}
        return Decision(UNKNOWN, said, margin=_lead(candidates))
    first, reached = places[0], tuple(candidates[n] for n in places)
    margin, lead = _lead(candidates[first:]), _lead(reached)
    nearer = _nearer(candidates[:first], limits)
    if lead is not None and (lead < policy.margin or lead == 0):
        why = _("Two people are within %(lead).3f of each other: too close to tell them apart.")
        why %= {"lead": lead}
        return Decision(AMBIGUOUS, why + nearer, reached[: max(limit, 2)], margin)
    reason = _("The similarity %(similarity).3f reaches the threshold %(limit).3f.")
    reason %= {"similarity": reached[0].similarity, "limit": limits[first]}
    return Decision(MATCH, reason + nearer, reached[:limit], margin)


def _lead(people: Sequence[Candidate]) -> float | None:
    """Return how far the first is above the second, None without a second."""
    return people[0].similarity - people[1].similarity if len(people) > 1 else None


def _nearer(people: list[Candidate], limits: list[float]) -> str:
    """Say who is nearer than the one who is named; "" where nobody is."""
    if not people:
        return ""
    said = _(
        "Nearer, at %(nearer).3f, is somebody with more references, who must reach %(limit).3f."
    )
    return f" {said % {'nearer': people[0].similarity, 'limit': limits[0]}}"


def conflicts(found: Iterable[Decision]) -> dict[int, list[int]]:
    """Return who is named for several faces of one picture: number, and the faces' places.

    Nobody is in two places at once, but mirrors and collages are real: nothing is decided here.
    """
    faces: dict[int, list[int]] = {}
    for place, decision in enumerate(found):
        for candidate in decision.matches[:1]:
            faces.setdefault(candidate.subject_number, []).append(place)
    return {number: places for number, places in faces.items() if len(places) > 1}


def summary(policy: Policy) -> dict[str, Any]:
    """Return what an event keeps of a policy."""
    calibration = policy.calibration
    return {
        "threshold": policy.threshold,
        "threshold_source": policy.source,
        "references": policy.references,
        "fmr": policy.fmr,
        "people": policy.people,
        "margin": policy.margin,
        "calibration": calibration.id if calibration and calibration.measured else None,
    }
