"""Calibrations: what was measured of one embedder, and which threshold stands for which rate.

A calibration has a curve for each number of references that people were registered with: strangers
come nearer to the mean of several photographs than to one, so its threshold is higher; and people
are missed less often.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self

from recognition.models import Gallery, StoredCalibration

CALIBRATIONS = Path(__file__).parent / "calibrations"

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """Similarities that shares of impostors reach, for people with ``references`` photographs.

    log_rates fall while similarities rise. fnmrs: the shares of genuine probes below.
    ``supported``: the least FMR that the comparisons can tell; beyond it a fitted tail is read.
    """

    references: int
    supported: float
    log_rates: tuple[float, ...]
    similarities: tuple[float, ...]
    fnmrs: tuple[float, ...]

    @classmethod
    def of(cls, references: int, supported: float, thresholds: list[dict[str, Any]]) -> Self:
        """Return the curve of a stored table, whose similarities may not fall."""
        rows = sorted(thresholds, key=lambda row: -row["fmr"])
        return cls(
            references,
            supported,
            tuple(math.log10(row["fmr"]) for row in rows),
            tuple(row["similarity"] for row in rows),
            tuple(row["fnmr"] for row in rows),
        )

    def threshold_at(self, fmr: float) -> float:
        """Return the similarity that a share ``fmr`` of impostors reaches.

        Between the measured rates it is linear in log10(fmr); past the ends the last one holds.
        """
        rising = [-rate for rate in self.log_rates]
        return between(-math.log10(fmr), list(zip(rising, self.similarities, strict=True)))

    def fmr_at(self, threshold: float) -> float:
        """Return the share of impostors that reach ``threshold``; past the ends, the last one."""
        points = list(zip(self.similarities, self.log_rates, strict=True))
        return float(10 ** between(threshold, points))

    def fnmr_at(self, threshold: float) -> float:
        """Return the share of genuine probes below ``threshold``; past the ends, the last one."""
        return between(threshold, list(zip(self.similarities, self.fnmrs, strict=True)))


def between(x: float, points: Points) -> float:
    """Return y at ``x``, linear between points of rising x; past the ends the last y holds."""
    for (left, low), (right, high) in zip(points, points[1:], strict=False):
        if left <= x <= right:
            return low if left == right else low + (high - low) * (x - left) / (right - left)
    return points[0][1] if x < points[0][0] else points[-1][1]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was measured of one embedder on one data set, under a name of its own (``id``).

    ``measured`` False: nothing was; ``threshold`` is then all there is.
    """

    id: str
    embedder: str
    measured: bool
    data_set: str | None
    ambiguity_margin: float
    threshold: float | None = None
    curves: tuple[Curve, ...] = ()

    @classmethod
    @cache
    def of(cls, embedder: str) -> Self:
        """Return the calibration that this version ships for ``embedder``."""
        return cls.read(json.loads((CALIBRATIONS / f"{embedder}.json").read_text()))

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        """Return a calibration from its document (``manage.py measure_thresholds``)."""
        tables = stored.get("by_references", [])
        return cls(
            stored["id"],
            stored["embedder"],
            stored["measured"],
            stored["data_set"],
            stored["ambiguity_margin"],
            stored.get("threshold"),
            tuple(Curve.of(t["references"], t["supported"], t["thresholds"]) for t in tables),
        )

    @classmethod
    def active(cls, embedder: str, gallery: Gallery | None) -> Self:
        """Return the calibration in force: the activated one, else the one that ships."""
        key = _active_key(embedder, gallery)
        return cls.of(embedder) if key is None else cls._stored(key)

    @classmethod
    @lru_cache(maxsize=32)  # a stored calibration never changes
    def _stored(cls, key: int) -> Self:
        return cls.read(StoredCalibration.objects.get(pk=key).document)

    def threshold_at(self, fmr: float, references: int = 1) -> float:
        """Return the similarity that a share ``fmr`` of impostors reaches.

        It never falls with the number of references, whatever few people measure.
        """
        if self.threshold is not None:
            return self.threshold
        highest, points = -1.0, []
        for curve in self.curves:
            highest = max(highest, curve.threshold_at(fmr))
            points.append((math.log(curve.references), highest))
        return between(math.log(max(references, 1)), points)

    def fmr_at(self, threshold: float, references: int = 1) -> float:
        """Return the share of impostors at or above ``threshold``."""
        logs = [(math.log(c.references), math.log10(c.fmr_at(threshold))) for c in self.curves]
        return float(10 ** between(math.log(max(references, 1)), logs))

    def fnmr_at(self, threshold: float, references: int = 1) -> float:
        """Return the share of rightful probes below ``threshold``."""
        points = [(math.log(c.references), c.fnmr_at(threshold)) for c in self.curves]
        return between(math.log(max(references, 1)), points)

    def supported_for(self, references: int) -> float:
        """Return the least FMR that the comparisons behind ``threshold_at`` can tell."""
        fewer = [curve for curve in self.curves if curve.references < references]
        return max(curve.supported for curve in self.curves[: len(fewer) + 1])

    def beyond(self, references: int) -> str | None:
        """Say where so many references are more than any curve is for: its threshold is that of
        fewer, and too low, for strangers come nearer to the mean of many."""
        known = max((curve.references for curve in self.curves), default=references)
        if references <= known:
            return None
        return (
            f"{references} references of one person are more than the comparisons behind {self.id} "
            f"know: the threshold is that for {known}."
        )

    @property
    def ends_at(self) -> float:
        """The least FMR that has a threshold at all, read off the fitted tail."""
        return float(10 ** self.curves[0].log_rates[-1])


def _active_key(embedder: str, gallery: Gallery | None) -> int | None:
    """Return the row of the activated calibration, None where there is none.

    ``find_gallery`` has brought it along: the usual request needs no query for it.
    """
    if gallery is None or gallery.pk is None:
        return None
    if gallery.embedder == embedder and "active_calibration" in vars(gallery):
        key: int | None = vars(gallery)["active_calibration"]
        return key
    return StoredCalibration.active_key(embedder)
