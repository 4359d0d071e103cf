"""Where the time goes: stage by stage, against what each library does at that stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from benchmarks import photographs
from benchmarks.bench import DIMENSIONS, EMBEDDERS, Bench
from benchmarks.contestant import Contestant
from benchmarks.identify import library
from benchmarks.photographs import Photographs
from benchmarks.pipeline import Pipeline
from benchmarks.report import Row
from benchmarks.timing import Turn, interleaved, lap_measures, total

STAGES = ("decode", "detect", "align", "embed", "search")
NOTES = {
    "align": "dlib: five landmarks alone, the crop is cut while embedding; facenet-pytorch: a "
    "crop without turning",
}


def rows(bench: Bench) -> Iterator[Row]:
    """Measure each stage of both embedders on both sizes."""
    for embedder in EMBEDDERS:
        with ExitStack() as stack:
            ours = stack.enter_context(
                Contestant(Pipeline, bench.environment(), embedder, bench.people)
            )
            name, theirs = library(bench, embedder, stack)
            for pictures in (photographs.small(), photographs.large()):
                bench.say(f"stages of {embedder}, {pictures.size}")
                turns = _turns(bench, pictures, {"Facesite": ours, name: theirs})
                yield from _rows(f"{pictures.size}, {DIMENSIONS[embedder]}", name, turns)


def _turns(
    bench: Bench, pictures: Photographs, contestants: dict[str, Contestant]
) -> dict[str, list[Turn]]:
    acts = {
        name: lambda round_, c=contestant: c.ask(pictures[round_])
        for name, contestant in contestants.items()
    }
    return interleaved(acts, bench.effort(20, 12))


def _rows(what: str, peer: str, turns: dict[str, list[Turn]]) -> Iterator[Row]:
    ours, theirs = turns["Facesite"], turns[peer]
    measures: Sequence = [lap_measures(each) for each in (ours, theirs)]
    for stage in STAGES:
        note = NOTES.get(stage, "")
        yield Row(
            "stages", f"{what}: {stage}", measures[0][stage], peer, measures[1][stage], note=note
        )
    yield Row("stages", f"{what}: all stages", total(ours), peer, total(theirs))
