"""``manage.py measure_references DIR``: what several photographs of a person are worth, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from recognition import runtime
from recognition.evaluation.calibrating import DRAWS, SEED
from recognition.evaluation.drawing import Drawn, draw, draw_alike
from recognition.evaluation.extraction import extract, photographs_in, views
from recognition.evaluation.rates import threshold_for
from recognition.management.base import FAILED, ServiceCommand
from recognition.management.jobs import add_jobs
from recognition.pipeline.embed import unit
from recognition.pipeline.types import Floats

PEOPLE, REFERENCES = (100, 1000), (1, 2, 3, 5)
FPIR = 0.01
TRIMMED_FROM = 3  # references: of two, neither is the odd one out

Score = Callable[[list[Floats], Floats], Floats]
Draw = Callable[..., Drawn]


def best_reference(registered: list[Floats], probes: Floats) -> Floats:
    """Return (P, N) similarities to each person's most similar reference."""
    rows = np.concatenate(registered)
    starts = np.cumsum([0, *(len(own) for own in registered[:-1])])
    return np.maximum.reduceat(probes @ rows.T, starts, axis=1)


def mean_template(registered: list[Floats], probes: Floats) -> Floats:
    """Return (P, N) similarities to each person's mean."""
    return probes @ unit(np.stack([own.mean(axis=0) for own in registered])).T


def trimmed_mean(registered: list[Floats], probes: Floats) -> Floats:
    """Return (P, N) similarities to each person's mean without the reference farthest from it."""
    return mean_template([_trimmed(own) for own in registered], probes)


def _trimmed(own: Floats) -> Floats:
    if len(own) < TRIMMED_FROM:
        return own
    return np.delete(own, int(np.argmin(own @ own.mean(axis=0))), axis=0)


@dataclass(frozen=True, slots=True)
class Method:
    """How people are compared; whether the mirror image is averaged in, and on which side."""

    name: str
    score: Score
    registered_mirrored: bool
    probe_mirrored: bool


METHODS = (
    Method("best reference", best_reference, False, False),
    Method("mean template", mean_template, False, False),
    Method("trimmed mean", trimmed_mean, False, False),
    Method("mean, mirrored at registration", mean_template, True, False),
    Method("best reference, mirrored on both sides", best_reference, True, True),
    Method("mean, mirrored on both sides", mean_template, True, True),
    Method("trimmed mean, mirrored on both sides", trimmed_mean, True, True),
)


class Command(ServiceCommand):
    """Draw galleries from the photographs, and compare the methods on the same ones."""

    help = (
        "Measure FNIR at FPIR 1 % by number of references and by how they are put together: among "
        "whoever there is, and where everybody has as many."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="LFW View 1, or people in folders like it")
        parser.add_argument("--embedder", choices=list(runtime.EMBEDDERS), default=runtime.DLIB)
        add_jobs(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        photographs = photographs_in(options["folder"])
        if lack := lacking([photograph.person for photograph in photographs]):
            raise CommandError(f"{lack}.", returncode=FAILED)
        paths = [photograph.path for photograph in photographs]
        made = extract(paths, options["embedder"], options, how="views", make=views)
        found = [n for n, both in enumerate(made) if len(both)]
        labels = np.unique([photographs[n].person for n in found], return_inverse=True)[1]
        both = np.stack([made[n] for n in found]).reshape(len(found), 2, -1)
        sides = both[:, 0], both[:, 1]
        for title, how in (("Whoever there is", draw), ("Everybody has as many", draw_alike)):
            lines = lines_of(measure(*sides, labels, how))
            self.stdout.write("\n".join([title, "", *lines, "", ""]))


def lacking(people: list[str]) -> str:
    """Say what photographs of these people, each named once for each, lack; nothing if nothing."""
    counts = np.unique(people, return_counts=True)[1]
    if len(counts) <= max(PEOPLE):
        return f"{len(counts):,} people are too few: {max(PEOPLE):,} are registered, others ask"
    if not (counts > max(REFERENCES)).any():
        return f"nobody has more than {max(REFERENCES)} photographs, one of them to ask with"
    return ""


def measure(
    plain: Floats, mirrored: Floats, labels: Any, how: Draw
) -> dict[tuple[str, int, int], float]:
    """Return FNIR at FPIR 1 % by (method, people, references)."""
    sides = {False: plain, True: mirrored}
    found: dict[tuple[str, int, int], float] = {}
    shapes = [(people, references) for people in PEOPLE for references in REFERENCES]
    for people, references in tqdm(shapes, unit="galleries"):
        drawn = [
            how(labels, people=people, references=references, seed=SEED + n) for n in range(DRAWS)
        ]
        for method in METHODS:
            ours, theirs = sides[method.registered_mirrored], sides[method.probe_mirrored]
            more = people / len(drawn[0].registered)
            found[method.name, people, references] = fnir(method.score, drawn, (ours, theirs), more)
    return found


def fnir(
    score: Score, drawn: list[Drawn], sides: tuple[Floats, Floats], more: float = 1.0
) -> float:
    """Return the share of known people who are missed where 1 % of strangers are named.

    ``sides``: embeddings as registered, and as asked with. ``more``: how many times as many people
    are meant as are registered: a stranger who reaches somebody of these with probability p reaches
    somebody of those with 1 - (1 - p)^more.
    """
    ours, theirs = sides
    right, own, strangers = [], [], []
    for one in drawn:
        registered = [ours[rows] for rows in one.registered]
        similarities = score(registered, theirs[one.probes])
        right.append(similarities.argmax(axis=1) == np.arange(len(one.probes)))
        own.append(similarities.max(axis=1))
        strangers.append(score(registered, theirs[one.strangers]).max(axis=1))
    fpir = 1 - (1 - FPIR) ** (1 / more)
    limit = np.float32(threshold_for(np.concatenate(strangers), fpir))
    return 1.0 - float((np.concatenate(right) & (np.concatenate(own) >= limit)).mean())


def lines_of(found: dict[tuple[str, int, int], float]) -> list[str]:
    """Return a table for docs/accuracy.md."""
    shapes = [(people, references) for people in PEOPLE for references in REFERENCES]
    heads = [f"{people:,} x {references}" for people, references in shapes]
    lines = ["| people x references | " + " | ".join(heads) + " |", "|---" * 9 + "|"]
    for method in METHODS:
        cells = [f"{found[(method.name, *shape)]:.1%}".replace("%", " %") for shape in shapes]
        lines.append(f"| {method.name} | " + " | ".join(cells) + " |")
    return lines
