"""Error rates on LFW's View 1, by the arithmetic of ``manage.py measure_thresholds``.

View 2, on which DESIGN's bar for pairs stands, is kept apart. Embeddings are kept under
var/benchmarks for the code and the networks that made them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import KEPT, Bench
from benchmarks.contestant import Contestant, become_facesite
from benchmarks.photographs import VIEW_1
from benchmarks.report import Bar, Row
from benchmarks.timing import Measure
from benchmarks.view_1 import ABSENT, keeping, make_key
from recognition.networks.catalogue import DLIB, FACENET
from recognition.networks.store import NetworkStore
from recognition.pipeline.types import Floats

PEOPLE = 1_000
FPIR = 0.01
MOST_NAMED, MOST_MISSED = 2.0, 10.0  # %
NO_WEIGHTS = "its weights are not here: manage.py prepare downloads and converts them"
NAMED_NOTE = "FPIR with the defaults, that is at the threshold that ships for so many people"
MISSED_NOTE = "FNIR at the threshold of FPIR 1 %, a face that is not found being a person missed"
PAIRS_NOTE = (
    "LFW's View 1, each tenth by the best threshold of the others, faces not found are errors; the "
    "bar of 99.0 % (facenet-vggface2: 99.5 %) is about View 2, which is kept apart"
)
QUICK_PEOPLE = 60  # registered, of twice as many


class Accuracy:
    """Embeds every photograph, then measures; in a process of its own."""

    def __init__(self, environment: Mapping[str, str], quick: bool) -> None:
        become_facesite(environment)
        make_key()
        from recognition.evaluation.extraction import photographs_in
        from recognition.management.commands.measure_thresholds import LISTS

        self._people = QUICK_PEOPLE if quick else PEOPLE
        self._lists = () if quick else LISTS  # a few photographs make no pairs
        photographs = photographs_in(VIEW_1)
        if quick:
            people = sorted({one.person for one in photographs})[: 2 * QUICK_PEOPLE]
            photographs = [one for one in photographs if one.person in people]
        self._photographs = photographs

    def __call__(self, embedder: str) -> dict[str, Any]:
        """Return shares in per cent."""
        from recognition.management.commands import measure_thresholds as command

        found = command.extract_all(self._photographs, embedder)
        pairs = [command.pairs(VIEW_1 / listed, found) for listed in self._lists]
        return {
            "lost": len(self._photographs) - len(found),
            "photographs": len(self._photographs),
            "pairs": [(p["pairs"], p["list"], 100 * p["accuracy_ten_fold"]) for p in pairs if p],
            **self._searched(found, embedder),
        }

    def _searched(self, found: dict[str, Floats], embedder: str) -> dict[str, float]:
        """Return who is named and who is missed among so many people."""
        from recognition import calibration
        from recognition.decisions import Calibration
        from recognition.evaluation.calibrating import DRAWS, REFERENCES, SEED

        _, labels = np.unique([name.split("/")[0] for name in found], return_inverse=True)
        embeddings = np.stack(list(found.values()))

        def rates(references: int, threshold: float | None) -> calibration.OpenSet:
            shape = {"people": self._people, "references": references}
            searches = [
                calibration.draw_search(embeddings, labels, **shape, seed=SEED + draw)
                for draw in range(DRAWS)
            ]
            limit = threshold or calibration.threshold_for_fpir(searches, FPIR)
            return calibration.open_set(searches, **shape, threshold=limit)

        default = Calibration.of(embedder).threshold_at(FPIR / self._people)
        named, missed = rates(1, default), rates(REFERENCES, None)
        return {"named": 100 * named.fpir, "missed": 100 * missed.fnir}


def rows(bench: Bench) -> Iterator[Row]:
    """Measure dlib-resnet-v1, and facenet-vggface2 where its weights are at hand."""
    if not VIEW_1.is_dir():
        yield Row("accuracy", "LFW View 1", None, note=ABSENT)
        return
    for row in _dlib(bench):  # the bars are about more people than a quick run has
        yield replace(row, bar=None) if bench.quick else row
    own = KEPT.parent / "networks"
    if not NetworkStore([own]).has(FACENET) or bench.quick:
        yield Row("accuracy", f"{FACENET}: pairs told right", None, note=NO_WEIGHTS)
        return
    yield from _pairs(FACENET, _measured(bench, FACENET, own))


def _dlib(bench: Bench) -> Iterator[Row]:
    measured = _measured(bench, DLIB, bench.networks)
    yield from _pairs(DLIB, measured)
    people = QUICK_PEOPLE if bench.quick else PEOPLE
    what = f"{DLIB}: strangers named, {people:,} people x 1 photograph"
    yield _row(what, measured["named"], MOST_NAMED, note=NAMED_NOTE)
    # A probe whose face is not found is a person who is missed.
    missed = 100 - (100 - measured["missed"]) * (1 - measured["lost"] / measured["photographs"])
    what = f"{DLIB}: known people missed, {people:,} people x 3"
    yield _row(what, missed, MOST_MISSED, note=MISSED_NOTE)


def _measured(bench: Bench, embedder: str, networks: Path) -> dict[str, Any]:
    bench.say(f"accuracy of {embedder} on LFW View 1")
    with Contestant(Accuracy, keeping(bench, networks), bench.quick) as measuring:
        [measured] = measuring.ask(embedder)
    return dict(measured)


def _pairs(embedder: str, measured: dict[str, Any]) -> Iterator[Row]:
    for count, listed, share in measured["pairs"]:
        what = f"{embedder}: {count:,} pairs told right, {Path(listed).stem}"
        yield Row("accuracy", what, Measure.of([share], "%"), note=PAIRS_NOTE)


def _row(what: str, share: float, limit: float, *, note: str) -> Row:
    bar = Bar("at most", limit, round(share, 3), "%")
    return Row("accuracy", what, Measure.of([share], "%"), bar=bar, note=note)
