"""``manage.py measure_thresholds DIR``: measure an embedder's error rates, write its thresholds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError, CommandParser

from recognition import runtime
from recognition.curves import CALIBRATIONS
from recognition.evaluation import calibrating, mixtures, rates
from recognition.evaluation.extraction import Photograph, photographs_in, take
from recognition.evaluation.lists import read_pairs
from recognition.management.base import FAILED, ServiceCommand
from recognition.management.jobs import add_jobs
from recognition.management.pictures import shown
from recognition.pipeline.types import Floats

LISTS = ("pairsDevTest.txt", "pairsDevTrain.txt")
ALONE = {"jobs": os.cpu_count() or 1, "verbosity": 1}  # options, for who calls without a command


class Command(ServiceCommand):
    """Extract the principal face of each photograph, compare all, write the calibration."""

    help = "Measure error rates on DIR/<person>/<photograph> and write the embedder's thresholds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="LFW View 1, or people in folders like it")
        parser.add_argument(
            "--data-set", metavar="NAME", help="for the record (default: the folder's)"
        )
        parser.add_argument("--embedder", choices=list(runtime.EMBEDDERS), default=runtime.DLIB)
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="default: the embedder's own calibration"
        )
        add_jobs(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        folder, embedder = options["folder"], options["embedder"]
        output = options["output"] or CALIBRATIONS / f"{embedder}.json"
        for needed in (folder, output.parent):
            if not needed.is_dir():
                raise CommandError(f"{shown(needed)} is no folder.", returncode=FAILED)
        photographs = photographs_in(folder)
        people = np.unique([one.person for one in photographs], return_inverse=True)[1]
        if lack := calibrating.lacking(people):  # before hours of work, and after it
            raise CommandError(f"{lack}.", returncode=FAILED)
        try:
            found = extract_all(photographs, embedder, options)
            measured = measure(len(photographs), found)
            measured["pairs"] = [pairs(folder / listed, found) for listed in LISTS]
        except ValueError as error:
            raise CommandError(f"{error}.", returncode=FAILED) from error
        data_set = options["data_set"] or folder.resolve().name
        head = calibrating.head(embedder, data_set, "manage.py measure_thresholds")
        output.write_text(json.dumps(head | measured, indent=2) + "\n")
        self.stdout.write(f"Written: {output}\n{json.dumps(measured, indent=2)}")


def extract_all(
    photographs: list[Photograph], embedder: str, options: dict[str, Any] = ALONE
) -> dict[str, Floats]:
    """Return the embedding of each photograph's principal face by ``person/file``, (D,) each.

    Photographs without a face are left out. What is done is kept sealed under the data folder, and
    taken up again; ``evaluate`` makes and takes the same.
    """
    taken = take([photograph.path for photograph in photographs], embedder, options)
    both = zip(photographs, taken, strict=True)
    return {one.name: made.embedding for one, made in both if len(made.embedding)}


def measure(photographs: int, found: dict[str, Floats]) -> dict[str, Any]:
    """Return counts, the tables of thresholds, the margin, and the searches measured."""
    labels = np.unique([key.split("/")[0] for key in found], return_inverse=True)[1]
    embeddings = np.stack(list(found.values()))
    sizes = calibrating.sizes_of(int(labels.max()) + 1)
    told = calibrating.measured(embeddings, labels, sizes)
    tables, kept = told["by_references"], calibrating.kept_of(labels)
    parts = embeddings[kept], labels[kept]
    return {
        "photographs": photographs,
        "faces_not_found": photographs - len(found),
        **told,
        "mixtures": [row for n in sizes for row in mixtures.mixtures(*parts, tables, n)],
        "alike": [row for n in sizes for row in mixtures.alike(*parts, tables, n)],
    }


def pairs(listed: Path, found: dict[str, Floats]) -> dict[str, Any]:
    """Return how many of a list of LFW's pairs are told right, nothing without the list."""
    if not listed.exists():
        return {}
    there = read_pairs(listed, listed.parent)
    names = [[f"{p.parent.name}/{p.name}" for p in files] for files in there.files]
    both = [(found.get(one), found.get(other)) for one, other in names]
    scores = np.array([np.nan if a is None or b is None else a @ b for a, b in both], np.float32)
    return {
        "list": listed.name,
        "pairs": len(scores),
        "with_a_face_not_found": int(np.isnan(scores).sum()),
        "accuracy_ten_fold": round(rates.ten_fold(scores, there.same, there.folds)["mean"], 5),
    }
