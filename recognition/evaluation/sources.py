"""Where what is measured comes from: LFW's lists, CSV files, the operator's own gallery."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from django.db.models import F
from numpy.typing import NDArray

from recognition import vault
from recognition.errors import RecognitionError
from recognition.evaluation.report import Sample
from recognition.models import Gallery, Reference, from_bytes
from recognition.pipeline.types import Floats

DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A list of pairs: files (P, 2), whether they are of one person (P,), the folds (P,)."""

    files: list[tuple[Path, Path]]
    people: list[tuple[str, str]]
    same: NDArray[np.bool_]
    folds: NDArray[np.int64]


def wrong(sentence: str) -> RecognitionError:
    return RecognitionError("invalid_request", sentence, hint="Correct the file.")


def read_pairs(listed: Path, folder: Path) -> Pairs:
    """Read a list in LFW's format: ``folds count`` or ``count``, then ``name n m`` (one person) or
    ``name n name m``. With folds they follow each other, ``count`` pairs of each kind in one."""
    lines = [line.split() for line in listed.read_text().splitlines() if line.strip()]
    head, pairs = (lines[0], lines[1:]) if lines else ([], [])
    if not pairs or not all(part.isdigit() for part in head) or len(head) not in {1, 2}:
        raise wrong(f"{listed.name} does not begin with `folds count` or `count`.")
    files, people = [], []
    for number, fields in enumerate(pairs, 2):
        if len(fields) not in {3, 4} or not (fields[1].isdigit() and fields[-1].isdigit()):
            raise wrong(f"{listed.name}, line {number}: neither `name n m` nor `name n name m`.")
        one, other = fields[0], fields[-2] if len(fields) == 4 else fields[0]
        people.append((one, other))
        files.append((_file(folder, one, int(fields[1])), _file(folder, other, int(fields[-1]))))
    in_order = np.arange(len(pairs))
    folds = in_order // (2 * int(head[1])) if len(head) == 2 else in_order % 10
    same = np.array([len(fields) == 3 for fields in pairs])
    return Pairs(files, people, same, folds)


def _file(folder: Path, person: str, number: int) -> Path:
    stem = folder / person / f"{person}_{number:04}"
    files = (stem.with_suffix(suffix) for suffix in (".jpg", ".png", ".jpeg"))
    found = next((file for file in files if file.exists()), None)
    if found is None:
        raise wrong(f"{stem.name} of the list is not in {folder.name}/{person}.")
    return found


def read_groups(file: Path) -> dict[str, dict[str, str]]:
    """Read a CSV whose first column is the person: {column: {person: group}}."""
    with file.open(newline="") as lines:
        table = csv.DictReader(lines)
        first, *others = table.fieldnames or [""]
        rows = list(table)
    if not others:
        raise wrong(f"{file.name} has no column beside the person's.")
    return {name: {row[first]: row[name] for row in rows if row[name]} for name in others}


def read_dates(file: Path) -> dict[str, float]:
    """Read a CSV of ``<person>/<file>`` and a date (YYYY or YYYY-MM-DD): {name: years}."""
    dates: dict[str, float] = {}
    with file.open(newline="") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            try:
                dates[row[0]] = _years(row[1])
            except (IndexError, ValueError):
                if number > 1:  # the first line may be a heading
                    raise wrong(f"{file.name}, line {number}: no `person/file,date`.") from None
    return dates


def _years(text: str) -> float:
    text = text.strip()
    if len(text) == 4:
        return float(int(text))
    return date.fromisoformat(text).toordinal() / DAYS_A_YEAR


NEEDED = ("embedder", "sealed_embedding", "subject__number")


def gallery_sample(gallery: Gallery) -> Sample:
    """Return the references of a gallery as they are stored."""
    rows = Reference.objects.filter(
        subject__gallery=gallery,
        subject__active=True,
        aside=False,
        embedder=F("subject__gallery__embedder"),
    )
    kept = rows.order_by("subject__number", "created", "pk")
    listed = list(kept.select_related("subject").only(*NEEDED))
    keys = vault.keys_of({one.subject.number for one in listed})
    listed = [one for one in listed if one.subject.number in keys]
    numbers = np.array([one.subject.number for one in listed], np.int64)
    opened = (one.open_embedding(keys[one.subject.number]) for one in listed)
    vectors = np.array([from_bytes(raw) for raw in opened], np.float32)
    return Sample([f"{one.subject.number}/{one.pk}" for one in listed], vectors, numbers)


def sample_of(
    names: list[str],
    embeddings: list[Floats],
    groups: Mapping[str, Mapping[str, str]],
    dates: Mapping[str, float],
) -> Sample:
    """Return the photographs in which a face was found."""
    found = [n for n, embedding in enumerate(embeddings) if len(embedding)]
    people = [names[n].split("/")[0] for n in found]
    labels = np.unique(people, return_inverse=True)[1] if people else np.empty(0, np.int64)
    rows = np.stack([embeddings[n] for n in found]) if found else np.empty((0, 1), np.float32)
    return Sample([names[n] for n in found], rows, labels.astype(np.int64), groups, dates)
