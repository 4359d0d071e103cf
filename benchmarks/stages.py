"""Where the time goes: stage by stage, against what each library does at that stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks import photographs
from benchmarks.bench import DIMENSIONS, EMBEDDERS, Bench
from benchmarks.contestant import AS_SERVED, Contestant
from benchmarks.identify import US, library, shown_to
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
    sizes = [photographs.small()] + ([] if bench.quick else [photographs.large()])
    for embedder in EMBEDDERS:
        with ExitStack() as stack:
            ours = stack.enter_context(
                Contestant(
                    Pipeline, bench.environment(), embedder, bench.people, settings=AS_SERVED
                )
            )
            name, theirs = library(bench, embedder, stack)
            for pictures in sizes:
                bench.say(f"stages of {embedder}, {pictures.size}")
                acts = {US: shown_to(ours, pictures), name: shown_to(theirs, pictures)}
                turns = interleaved(acts, bench.effort(20, 8))
                yield from _rows(f"{pictures.size}, {DIMENSIONS[embedder]}", name, turns)


def _rows(what: str, peer: str, turns: dict[str, list[Turn]]) -> Iterator[Row]:
    ours, theirs = turns[US], turns[peer]
    ours_by_stage, theirs_by_stage = lap_measures(ours), lap_measures(theirs)
    for stage in STAGES:
        note = NOTES.get(stage, "")
        measured = ours_by_stage[stage], peer, theirs_by_stage[stage]
        yield Row("stages", f"{what}: {stage}", *measured, note=note)
    yield Row("stages", f"{what}: all stages", total(ours), peer, total(theirs))
