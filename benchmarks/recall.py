"""Whom the index misses among a million: ``python -m benchmarks.recall``, for some minutes.

Every search is compared with a product of float32 with everybody. Asked are all photographs of
LFW's View 1, where they are at hand, in a gallery of those people that is filled up with made-up
ones who spread as they do; and made-up people, half of them registered, for both dimensions. Each
at two thresholds: one that suits a million people, and one that a hundred strangers reach.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in a server; numpy reads it now

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine, view_1
from benchmarks.people import NAMED, NEAR
from benchmarks.spread import Spread
from recognition.gallery.exact import Candidate, ExactIndex
from recognition.networks.catalogue import DLIB
from recognition.pipeline.types import Floats

PEOPLE, PROBES = 1_000_000, 10_000
EQUAL = 1e-5  # similarities differ by less
TIED = 1e-6  # two people who are as similar in float32
FEWEST, FEW, MANY = 2, 10, 1_000  # people asked for
LOOSE = 1e-4  # of strangers reach the lower threshold
LOOSE_PROBES = 2_000  # a hundred people each
PUT, PRODUCTS = 5_000, 32  # people put, and probes multiplied, at a time
RESULT = Path(__file__).parent / "results" / "recall.json"
CALIBRATION = Path(__file__).parent.parent / "recognition" / "calibrations" / f"{DLIB}.json"


class Case(NamedTuple):
    """Templates (N, D), probes (P, D), and the two thresholds."""

    name: str
    templates: Floats
    probes: Floats
    severe: float
    loose: float


class Truth(NamedTuple):
    """Who reaches a floor in truth, best first, and how similar they are."""

    numbers: NDArray[np.intp]
    similarities: Floats


@dataclass(frozen=True, slots=True)
class Result:
    """What searches at one threshold gave. ``reaching``: people at or above it, of all probes."""

    case: str
    dimension: int
    people: int
    probes: int
    threshold: float
    asked_for: int
    reaching: int
    missed: int
    best_asked: int
    best_differs: int
    greatest_difference: float

    @property
    def perfect(self) -> bool:
        """Say whether nothing is missed or differs."""
        return not (self.missed or self.best_differs) and self.greatest_difference < EQUAL


def cases(people: int, probes: int) -> Iterator[Callable[[], Case]]:
    """Return what makes each case: only one fits into memory."""
    if view_1.VIEW_1.is_dir():
        yield lambda: real(people)
    else:
        print(f"left out: {view_1.ABSENT}", file=sys.stderr)
    for name, make, dimension in (
        ("drawn as dlib's", lambda _: Spread.measured(), 128),
        ("drawn as dlib's, stretched", Spread.stretched, 512),
        ("anywhere", Spread.scattered, 128),
        ("anywhere", Spread.scattered, 512),
    ):
        yield lambda name=name, make=make, dimension=dimension: drawn(
            name, make(dimension), people, probes
        )


def real(people: int) -> Case:
    """Return View 1: everybody's first photograph is registered, all photographs are asked."""
    found = view_1.embeddings()
    assert found is not None
    probes, labels = found
    first = np.unique(labels, return_index=True)[1]
    spread = Spread.measured()
    others = spread.people(people - len(first))
    templates = np.concatenate([probes[first], spread.photographs(others, seed=1)])
    rows = json.loads(CALIBRATION.read_text())["thresholds"]
    at = {row["fmr"]: row["similarity"] for row in rows}
    return Case("LFW View 1", templates, probes, at[min(at)], at[LOOSE])


def drawn(name: str, spread: Spread, people: int, probes: int) -> Case:
    """Return made-up people; every second probe is of one of them, the others are strangers'."""
    centres = spread.people(people)
    asked = spread.people(probes, seed=7)
    known = np.random.default_rng(8).integers(people, size=-(-probes // 2))
    asked[::2] = centres[known]
    return Case(
        name,
        spread.photographs(centres, seed=1),
        spread.photographs(asked, seed=9),
        spread.threshold(NAMED),
        spread.threshold(LOOSE),
    )


def measure(case: Case) -> Iterator[Result]:
    """Search at both thresholds, at the lower one for fewer people than reach it as well."""
    index = ExactIndex(case.templates.shape[1])
    for first in range(0, len(case.templates), PUT):
        some = case.templates[first : first + PUT]
        index.put(np.arange(first, first + len(some)), some)
    everybody = slice(len(case.probes))
    some = slice(min(LOOSE_PROBES, len(case.probes)))
    for threshold, limit, asked in (
        (case.severe, FEW, everybody),
        (case.loose, MANY, some),
        (case.loose, FEWEST, some),
    ):
        truths = in_truth(case.templates, case.probes[asked], threshold - NEAR)
        yield _compared(case, index, case.probes[asked], truths, threshold, limit)


def in_truth(templates: Floats, probes: Floats, floor: float) -> list[Truth]:
    """Compare everybody in float32; return who reaches the floor, of each probe."""

    def compared(first: int) -> list[Truth]:
        similarities = probes[first : first + PRODUCTS] @ templates.T
        return [_reaching(each, floor) for each in similarities]

    with ThreadPoolExecutor(machine.CORES) as threads:
        parts = threads.map(compared, range(0, len(probes), PRODUCTS))
        return [truth for part in parts for truth in part]


def _reaching(similarities: Floats, floor: float) -> Truth:
    rows = np.flatnonzero(similarities >= floor)
    rows = rows[np.argsort(-similarities[rows], kind="stable")]
    return Truth(rows, similarities[rows])


def _compared(
    case: Case,
    index: ExactIndex,
    probes: Floats,
    truths: Sequence[Truth],
    threshold: float,
    limit: int,
) -> Result:
    reaching = missed = asked = differs = 0
    difference = 0.0
    for probe, truth in zip(probes, truths, strict=True):
        [found] = index.search(probe[None], limit=limit, floor=threshold, near=NEAR)
        expected = _expected(truth, threshold, limit)
        reaching += int(np.count_nonzero(truth.similarities >= threshold))
        missed += len(expected - {candidate.subject_number for candidate in found})
        asked += bool(len(truth.numbers))
        differs += bool(len(truth.numbers)) and not _is_best(found, truth)
        difference = max(difference, _difference(found, truth))
    return Result(
        case.name,
        case.templates.shape[1],
        len(index),
        len(probes),
        round(threshold, 5),
        limit,
        reaching,
        missed,
        asked,
        differs,
        difference,
    )


def _expected(truth: Truth, threshold: float, limit: int) -> set[int]:
    """Return who must be found: at or above the threshold, and among the ``limit`` best.

    Float32 has its own noise: whoever is that close to the threshold or to the last place may go.
    """
    least = threshold + TIED
    if len(truth.similarities) > limit:
        least = max(least, float(truth.similarities[limit - 1]) + TIED)
    return set(truth.numbers[truth.similarities >= least].tolist())


def _is_best(found: Sequence[Candidate], truth: Truth) -> bool:
    best = truth.numbers[truth.similarities >= truth.similarities[0] - TIED]
    return bool(found) and found[0].subject_number in best


def _difference(found: Sequence[Candidate], truth: Truth) -> float:
    true = dict(zip(truth.numbers.tolist(), truth.similarities.tolist(), strict=True))
    both = [(c.similarity, true[c.subject_number]) for c in found if c.subject_number in true]
    return max((abs(ours - theirs) for ours, theirs in both), default=0.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all cases, write them; return 1 where somebody was missed."""
    asked = _parser().parse_args(arguments)
    cores = machine.keep_to_two_cores()
    results = []
    for make in cases(asked.people, asked.probes):
        for result in measure(make()):
            results.append(result)
            print(_told(result), flush=True)
    written: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.facts(cores),
        "results": [asdict(result) for result in results],
    }
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps(written, indent=1) + "\n")
    return int(not all(result.perfect for result in results))


def _told(result: Result) -> str:
    return (
        f"{result.case}, {result.people:,} people of {result.dimension}, {result.probes:,} probes, "
        f"threshold {result.threshold:.4f}: {result.missed:,} missed of {result.reaching:,} who "
        f"reach it ({result.asked_for:,} asked for); {result.best_differs:,} best people differ of "
        f"{result.best_asked:,}; similarities within {result.greatest_difference:.1e}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE, help=f"{PEOPLE:,} if left out")
    parser.add_argument("--probes", type=int, default=PROBES, help=f"{PROBES:,} if left out")
    parser.add_argument("--output", type=Path, default=RESULT)
    return parser


if __name__ == "__main__":
    sys.exit(main())
