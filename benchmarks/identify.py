"""A whole ``/identify`` request over HTTP against the library calls alone that do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from benchmarks import photographs
from benchmarks.bench import EMBEDDERS, Bench
from benchmarks.client import Client
from benchmarks.contestant import Contestant
from benchmarks.libraries import FacenetPytorch, FaceRecognition
from benchmarks.photographs import Photographs
from benchmarks.report import Row, faster, shown
from benchmarks.timing import Measure, Turn, interleaved, lap_measures, total
from recognition.networks.catalogue import DLIB, FACENET

US = "Facesite"
#: Peer, picture and how many times faster Facesite shall be.
BARS = {
    ("face_recognition", photographs.SMALL): 5.0,
    ("facenet-pytorch", photographs.SMALL): 3.0,
    ("facenet-pytorch", photographs.LARGE): 8.0,
    ("facenet-pytorch", photographs.ENLARGED): 8.0,
}
NOTES = {
    "face_recognition": "dlib with that library's defaults, which double the picture's sides to "
    "find faces from 40 px on, as Facesite does; dlib uses one thread",
    "face_recognition, not enlarged": "finds faces from 80 px on, Facesite from 40 px",
    "facenet-pytorch": "its defaults, which seek faces from 20 px on, Facesite from 40 px",
    "facenet-pytorch, from 40 px": "seeks the same faces as Facesite",
}
Act = Callable[[int], Sequence[Turn]]


def library(bench: Bench, embedder: str, stack: ExitStack) -> tuple[str, Contestant]:
    """Start the library that ``embedder`` comes from, with its defaults."""
    return next(_libraries(bench, embedder, stack))


def _libraries(bench: Bench, embedder: str, stack: ExitStack) -> Iterator[tuple[str, Contestant]]:
    """Start the library as it is, then set to do no more than Facesite does."""
    if embedder == DLIB:
        for name, upsample in (("face_recognition", 1), ("face_recognition, not enlarged", 0)):
            made = Contestant(FaceRecognition, bench.people, upsample)
            yield name, stack.enter_context(made)
    if embedder == FACENET:
        for name, least in (("facenet-pytorch", 20), ("facenet-pytorch, from 40 px", 40)):
            made = Contestant(FacenetPytorch, bench.people, bench.facenet_weights, least)
            yield name, stack.enter_context(made)


def rows(bench: Bench) -> Iterator[Row]:
    """Measure whole requests of both embedders on all sizes of photographs."""
    sizes = [photographs.small()]
    if not bench.quick:
        sizes += {p.size: p for p in (photographs.large(), photographs.enlarged())}.values()
    for embedder in EMBEDDERS:
        site = bench.site(embedder, bench.people)
        site.start()
        with ExitStack() as stack:
            stack.callback(site.stop)
            client = site.client()
            started = _libraries(bench, embedder, stack)
            peers = dict([next(started)] if bench.quick else started)
            for pictures in sizes:
                bench.say(f"identify with {embedder}, {pictures.size}")
                acts = _acts(pictures, client, peers)
                turns = interleaved(acts, bench.effort(30, 15))
                yield from _rows(f"{pictures.size}, {embedder}", pictures.size, turns)


def _acts(pictures: Photographs, client: Client, peers: dict[str, Contestant]) -> dict[str, Act]:
    acts = {name: shown_to(contestant, pictures) for name, contestant in peers.items()}
    return acts | {US: lambda round_: [client.turn(pictures[round_])]}


def shown_to(contestant: Contestant, pictures: Photographs) -> Act:
    """Return the act of handing the round's photograph to ``contestant``."""
    return lambda round_: contestant.ask(pictures[round_])


def _rows(what: str, size: str, turns: dict[str, list[Turn]]) -> Iterator[Row]:
    own = turns.pop(US)
    ours, faces = total(own), sum(turn.found for turn in own)
    for name, theirs in turns.items():
        measured = total(theirs)
        limit = BARS.get((name, size))
        bar = faster(limit, ours, measured) if limit else None
        note, found = NOTES[name], sum(turn.found for turn in theirs)
        if found != faces:
            note += f"; here it found {found} faces in all rounds, Facesite {faces}"
        yield Row("identify", what, ours, name, measured, bar, note)
    laps = {stage: lap.median for stage, lap in lap_measures(own).items()}
    said = ", ".join(f"{stage} {shown(median)} ms" for stage, median in laps.items())
    rest = Measure.of([turn.laps["rest"] for turn in own])
    yield Row("identify", f"{what}: HTTP, key, log, event", rest, note=said)
