"""Faces that are lost: ``python -m benchmarks.detection`` compares with full-size MTCNN.

facenet-pytorch's MTCNN looks at the full picture for faces from 20 px on. Those of 40 px and more
(shorter side) that it is sure of, with a probability of 0.99, Facesite must find with its defaults:
every principal one and 99.5 % of all, in photographs of groups and in LFW's View 1. In a collage of
12 megapixels it must find one large face and eight small ones. What MTCNN finds is kept under
var/benchmarks from one run to the next.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from benchmarks import collage, detectors, machine
from benchmarks.bench import KEPT, Bench
from benchmarks.detectors import Found
from benchmarks.photographs import GROUPS, VIEW_1
from benchmarks.report import Bar, Row, table
from benchmarks.timing import Measure

SURE, SMALLEST = 0.99, 40  # probability, and px of the shorter side
SHARE = 99.5  # % of all faces
OVERLAP = 0.5  # intersection over union of two boxes that hold the same face
SAMPLE = 200  # photographs of View 1 in a quick run
SEED = 1
ABSENT = "the photographs in ../shared/data are not here"


@dataclass(frozen=True, slots=True)
class Lost:
    """A face that MTCNN finds and Facesite does not."""

    picture: str
    face: Found
    principal: bool

    def __str__(self) -> str:
        left, top, right, bottom, chance = self.face
        return (
            f"{self.picture}: {right - left:.0f} x {bottom - top:.0f} px at "
            f"({left:.0f}, {top:.0f}), {chance:.4f}{', the principal face' * self.principal}"
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """What both found in some pictures: ``faces`` that MTCNN is sure of, ``extra`` of Facesite."""

    pictures: int
    faces: int
    principal: int
    extra: int
    lost: list[Lost]

    def rows(self, name: str) -> Iterator[Row]:
        """Return a row on principal faces and one on all."""
        principal = sum(lost.principal for lost in self.lost)
        share = 100 * (1 - len(self.lost) / max(self.faces, 1))
        told = f"{self.pictures:,} pictures; Facesite finds {self.extra} faces that MTCNN does not"
        first = f"{name}: principal faces lost, of {self.principal:,}"
        bar = Bar("at most", 0, principal, "faces")
        yield Row("detection", first, _count(principal), bar=bar, note=told)
        second = f"{name}: faces found, of {self.faces:,}"
        bar = Bar("at least", SHARE, share, "%")
        told = f"lost: {'; '.join(map(str, self.lost))}" if self.lost else ""
        yield Row("detection", second, Measure.of([share], "%"), bar=bar, note=told)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare what was asked for."""
    asked = _parser().parse_args(arguments)
    cores = machine.keep_to_two_cores()
    KEPT.mkdir(parents=True, exist_ok=True)
    everything = not (asked.groups or asked.collage or asked.lfw is not None)
    found: list[Row] = []
    with tempfile.TemporaryDirectory(dir=KEPT, prefix="run-") as folder:
        bench = Bench(Path(folder), quick=False, cores=cores)
        if asked.groups or everything:
            found += _groups(bench)
        if asked.collage or everything:
            found += _collages(bench)
        if asked.lfw is not None or everything:
            found += _view_1(bench, asked.lfw or None)
    print(table(found))


def rows(bench: Bench) -> Iterator[Row]:
    """Compare on groups, on View 1 and on collages."""
    yield from _groups(bench)
    yield from _collages(bench)
    for row in _view_1(bench, SAMPLE if bench.quick else None):
        # The bars are about all photographs: of a sample one face is too much of a share.
        yield replace(row, bar=None) if bench.quick else row


def _groups(bench: Bench) -> Iterator[Row]:
    paths = sorted(GROUPS.glob("*.jpg"))
    yield from _compared(bench, "groups", paths)


def _view_1(bench: Bench, sample: int | None) -> Iterator[Row]:
    paths = sorted(VIEW_1.glob("[!_]*/*.jpg"))
    if sample and sample < len(paths):
        paths = random.Random(SEED).sample(paths, sample)
    yield from _compared(bench, "LFW View 1", paths)


def _compared(bench: Bench, name: str, paths: Sequence[Path]) -> Iterator[Row]:
    if not paths:
        yield Row("detection", f"{name}: faces lost", None, note=ABSENT)
        return
    bench.say(f"detection on {name}, {len(paths):,} photographs")
    pictures = {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}
    theirs = detectors.full_size_mtcnn(list(pictures.values()), KEPT)
    ours = detectors.facesite(list(pictures.values()), bench.environment())
    yield from compared(pictures, ours, theirs).rows(name)


def compared(
    pictures: dict[str, bytes], ours: Sequence[list[Found]], theirs: Sequence[list[Found]]
) -> Compared:
    """Return what was lost of each picture's faces; ``ours`` and ``theirs`` in their order."""
    lost: list[Lost] = []
    faces = principal = extra = 0
    for (name, picture), own, all_theirs in zip(pictures.items(), ours, theirs, strict=True):
        size = Image.open(io.BytesIO(picture)).size
        peers = [inside(face, size) for face in all_theirs]
        sure = [f for f in peers if f[4] >= SURE and shorter_side(f) >= SMALLEST]
        first = max(sure, key=lambda face: prominence(face, size), default=None)
        faces, principal = faces + len(sure), principal + bool(sure)
        lost += [Lost(name, f, f is first) for f in sure if not _same_as_one(f, own)]
        extra += sum(not _same_as_one(face, peers) for face in own)
    return Compared(len(pictures), faces, principal, extra, lost)


def _collages(bench: Bench) -> Iterator[Row]:
    grounds = {"plain": collage.collage(plain=True), "clouds": collage.collage(plain=False)}
    bench.say("detection in collages of 12 megapixels")
    made = [jpeg for jpeg, _ in grounds.values()]
    found = detectors.facesite(made, bench.environment())
    for (ground, (_, faces)), own in zip(grounds.items(), found, strict=True):
        there = sum(_same_as_one([*face, 1.0], own) for face in faces)
        what = f"collage, {ground}: 1 face of 900 px, 8 of 48 px, found"
        bar = Bar("at least", len(faces), there, "faces")
        told = f"Facesite finds {len(own) - there} more"
        yield Row("detection", what, _count(there), bar=bar, note=told)


def _same_as_one(face: Found, others: Sequence[Found]) -> bool:
    return any(overlap(face, other) >= OVERLAP for other in others)


def overlap(one: Found, other: Found) -> float:
    """Return the intersection over the union of two boxes."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    shared = width * height
    return shared / (area(one) + area(other) - shared)


def area(face: Found) -> float:
    return (face[2] - face[0]) * (face[3] - face[1])


def shorter_side(face: Found) -> float:
    return min(face[2] - face[0], face[3] - face[1])


def inside(face: Found, size: tuple[int, int]) -> Found:
    """Return the part of a box that lies in the picture."""
    edges = [min(max(edge, 0.0), size[at % 2]) for at, edge in enumerate(face[:4])]
    return [*edges, face[4]]


def prominence(face: Found, size: tuple[int, int]) -> float:
    """Return what is greatest for the face that is meant (``recognition.pipeline.extract``)."""
    dx = (face[0] + face[2] - size[0]) / 2
    dy = (face[1] + face[3] - size[1]) / 2
    return area(face) - 2 * (dx * dx + dy * dy)


def _count(number: int) -> Measure:
    return Measure.of([number], "faces")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--groups", action="store_true", help="the photographs of groups")
    parser.add_argument("--collage", action="store_true", help="the collages of 12 megapixels")
    parser.add_argument(
        "--lfw", type=int, metavar="N", help="so many photographs of LFW View 1 at random; 0: all"
    )
    return parser


if __name__ == "__main__":
    main()
