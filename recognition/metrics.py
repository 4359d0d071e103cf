"""What is counted while requests are answered, for Prometheus: /metrics shows it.

No label names a person. prometheus_client is imported when something is counted first, and not
before: it looks then whether several processes count together (``facesite/counting.py``), and a
command that counts nothing does without it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

METHODS = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}
OTHER = "other"  # whatever a client may make up
SENDING, WAITING, RUNNING = "sending", "waiting", "running"

ANSWERS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # seconds
STAGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)  # seconds
# Finer where thresholds lie (recognition/calibrations/).
SIMILARITIES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98)
SIZES = (20, 40, 60, 80, 120, 160, 240, 320, 480, 640)  # pixels
SHARPNESS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5)
BRIGHTNESS = (25, 50, 75, 100, 125, 150, 175, 200, 225)  # of 255
ANGLES = (5, 10, 15, 20, 30, 40, 50, 60)  # degrees, either way


class Meters:
    """Everything that is counted, in a registry of its own."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics

        # When each count began: a third more lines, asked for by nobody.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it declares none
        self.registry: CollectorRegistry = CollectorRegistry()
        self.requests: Counter = Counter(
            "facesite_requests",
            "Requests answered, by the code of the refusal where they were refused.",
            ["method", "route", "status", "code"],
            registry=self.registry,
        )
        self.refusals: Counter = Counter(
            "facesite_queue_refusals",
            "Requests with pictures refused since too many wait.",
            registry=self.registry,
        )
        self.decisions: Counter = Counter(
            "facesite_decisions",
            "Decisions, of identify one a face.",
            ["act", "status"],
            registry=self.registry,
        )
        self.queue: Gauge = Gauge(
            "facesite_queue",
            "Requests with pictures that are sent, wait, and are computed now.",
            ["state"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._make_histograms()

    def _make_histograms(self) -> None:
        made = self._histogram
        self.seconds = made("request_seconds", "Until a request was answered.", "route", ANSWERS)
        self.stages = made("stage_seconds", "Stages of a picture's road.", "stage", STAGES)
        self.similarities = made(
            "similarity",
            "Best similarity of each face; those far below the threshold are not all sought.",
            "act embedder",
            SIMILARITIES,
        )
        self.sizes = made("face_size_pixels", "Shorter side of faces.", "act", SIZES)
        self.sharpness = made("face_sharpness", "Sharpness of faces.", "act", SHARPNESS)
        self.brightness = made("face_brightness", "Brightness of faces.", "act", BRIGHTNESS)
        self.angles = made(
            "face_angle_degrees", "Yaw, pitch and roll, either way.", "act axis", ANGLES
        )

    def _histogram(self, name: str, said: str, labels: str, buckets: Sequence[float]) -> Histogram:
        from prometheus_client import Histogram

        name = f"facesite_{name}"
        return Histogram(name, said, labels.split(), registry=self.registry, buckets=buckets)


_building = threading.Lock()
_meters = cache(Meters)


def meters() -> Meters:
    """Return what this process counts with, made on first use, after any fork."""
    with _building:
        return _meters()


def answered(method: str, route: str, status: int, code: str, seconds: float) -> None:
    """Count a request that was answered; ``route`` with the names of its parts, no values."""
    method = method if method in METHODS else OTHER
    meters().requests.labels(method, route, status, code).inc()
    meters().seconds.labels(route).observe(seconds)


def stage(name: str, seconds: float) -> None:
    """Count how long a stage of one picture's road took."""
    meters().stages.labels(name).observe(seconds)


def held(state: str) -> AbstractContextManager[Any]:
    """Return what counts a request as ``state`` while it is held."""
    return meters().queue.labels(state).track_inprogress()


def refused() -> None:
    """Count a request that was refused since too many wait."""
    meters().refusals.inc()


def decided(act: str, outcome: str, decision: Mapping[str, Any]) -> None:
    """Count a decision as its event tells of it (``services.recognition.recorded``)."""
    embedder = decision["embedder"]
    if act in ("verify", "compare") and decision.get("similarity") is not None:
        meters().decisions.labels(act, outcome).inc()
        meters().similarities.labels(act, embedder).observe(decision["similarity"])
    if act == "verify" and "quality" in decision:
        seen(act, decision["quality"])
    for face in decision["faces"] if act == "identify" and "faces" in decision else ():
        meters().decisions.labels(act, face["status"]).inc()
        seen(act, face["quality"])
        for best in face["candidates"][:1]:
            meters().similarities.labels(act, embedder).observe(best["similarity"])


def seen(act: str, quality: Mapping[str, float]) -> None:
    """Count the measured values of one face."""
    meters().sizes.labels(act).observe(quality["size"])
    meters().sharpness.labels(act).observe(quality["sharpness"])
    meters().brightness.labels(act).observe(quality["brightness"])
    for axis in ("yaw", "pitch", "roll"):
        meters().angles.labels(act, axis).observe(abs(quality[axis]))
