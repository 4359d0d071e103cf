"""``manage.py measure_thresholds DIR``: measure an embedder's error rates, write its thresholds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from recognition import calibration, runtime
from recognition.curves import CALIBRATIONS
from recognition.errors import RecognitionError
from recognition.evaluation import calibrating
from recognition.evaluation.cache import version_of
from recognition.pipeline.decode import decode
from recognition.pipeline.extract import principal
from recognition.pipeline.types import Floats

SAVE_EVERY = 250  # photographs, so that a run that was stopped loses little
SIZES = (100, 1000)  # people in the galleries whose errors are measured
LISTS = ("pairsDevTest.txt", "pairsDevTrain.txt")


class Command(BaseCommand):
    """Extract the principal face of each photograph, compare all, write the calibration."""

    help = "Measure error rates on DIR/<person>/<photograph> and write the embedder's thresholds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="LFW View 1, or people in folders like it")
        parser.add_argument("--data-set", default="LFW View 1", help="its name, for the record")
        parser.add_argument("--embedder", choices=list(runtime.EMBEDDERS), default=runtime.DLIB)
        parser.add_argument("--output", type=Path, help="default: the embedder's own calibration")

    def handle(self, *args: Any, **options: Any) -> None:
        folder, embedder = options["folder"], options["embedder"]
        photographs = sorted(p for p in folder.glob("[!_]*/*") if p.suffix.lower() == ".jpg")
        if not photographs:
            raise CommandError(f"{folder} holds no <person>/<photograph>.jpg.")
        found = extract_all(photographs, embedder)
        measured = measure(photographs, found)
        measured["pairs"] = [pairs(folder / listed, found) for listed in LISTS]
        head = calibrating.head(embedder, options["data_set"], "manage.py measure_thresholds")
        output = options["output"] or CALIBRATIONS / f"{embedder}.json"
        output.write_text(json.dumps(head | measured, indent=2) + "\n")
        self.stdout.write(f"Written: {output}\n{json.dumps(measured, indent=2)}")


def extract_all(photographs: list[Path], embedder: str) -> dict[str, Floats]:
    """Return the embedding of each photograph's principal face by ``person/file``, (D,) each.

    Photographs without a face are left out. What is done is kept under the data folder, for the
    code and the network that did it, and taken up again.
    """
    cache = settings.DATA_DIR / "measure" / f"{embedder}-{version_of(embedder)}.npz"
    cache.parent.mkdir(parents=True, exist_ok=True)
    found = dict(np.load(cache)) if cache.exists() else {}
    missing = [p for p in photographs if name(p) not in found]
    for count, path in enumerate(tqdm(missing, unit="photograph"), 1):
        found[name(path)] = embedding_of(path, embedder)
        if count % SAVE_EVERY == 0 or count == len(missing):
            np.savez(cache.with_suffix(".part.npz"), **found)
            cache.with_suffix(".part.npz").replace(cache)
    return {name(p): found[name(p)] for p in photographs if len(found[name(p)])}


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def embedding_of(path: Path, embedder: str) -> Floats:
    """Return (D,) of the principal face, (0,) where no face is found."""
    extractor = runtime.extractor(embedder)
    try:
        picture = decode(path.read_bytes())
    except RecognitionError as error:
        raise CommandError(f"{path}: {error.detail}") from error
    faces = extractor.detect(picture)
    if not faces:
        return np.empty(0, np.float32)
    embedding = extractor.embed(picture, [faces[principal(faces, picture)]])[0].embedding
    assert embedding is not None  # noqa: S101  # embed() has just made it
    return embedding


def measure(photographs: list[Path], found: dict[str, Floats]) -> dict[str, Any]:
    """Return counts, the tables of thresholds, the margin, and the searches measured."""
    labels = np.unique([key.split("/")[0] for key in found], return_inverse=True)[1]
    embeddings = np.stack(list(found.values()))
    told = calibrating.measured(embeddings, labels, SIZES)
    tables = told["by_references"]
    return {
        "photographs": len(photographs),
        "faces_not_found": len(photographs) - len(found),
        **told,
        "mixtures": [
            row for n in SIZES for row in calibrating.mixtures(embeddings, labels, tables, n)
        ],
    }


def pairs(listed: Path, found: dict[str, Floats]) -> dict[str, Any]:
    """Return how many of a list of LFW's pairs are told right, nothing without the list."""
    if not listed.exists():
        return {}
    similarities, same = [], []
    for line in listed.read_text().splitlines()[1:]:
        one, other = photographs_of(line.split("\t"))
        both = one in found and other in found
        similarities.append(float(found[one] @ found[other]) if both else np.nan)
        same.append(one.split("/")[0] == other.split("/")[0])
    scores = np.array(similarities, np.float32)
    return {
        "list": listed.name,
        "pairs": len(scores),
        "with_a_face_not_found": int(np.isnan(scores).sum()),
        "accuracy_ten_fold": round(calibration.pair_accuracy(scores, np.array(same)), 5),
    }


def photographs_of(fields: list[str]) -> tuple[str, str]:
    """Return the two photographs of a line of LFW's lists: name n m, or name n name m."""
    one, other = fields[0], fields[-2] if len(fields) == 4 else fields[0]
    return f"{one}/{one}_{int(fields[1]):04}.jpg", f"{other}/{other}_{int(fields[-1]):04}.jpg"
