"""Where what is measured comes from: LFW's lists, CSV files, the operator's own gallery."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from django.db.models import Count, F
from numpy.typing import NDArray

from recognition import vault
from recognition.consent import may_be_matched
from recognition.errors import RecognitionError
from recognition.evaluation.rates import proportion
from recognition.evaluation.samples import Sample, Taken
from recognition.models import Event, Gallery, Reference, from_bytes

DAYS_A_YEAR = 365.25
NONE: Mapping[str, Mapping[str, str]] = {}


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


def years_apart(dates: Mapping[str, float], one: Path, other: Path) -> float:
    """Return the years between two photographs, NaN where a date is not known."""
    first, second = (dates.get(f"{f.parent.name}/{f.name}", np.nan) for f in (one, other))
    return abs(first - second)


NEEDED = ("embedder", "sealed_embedding", "subject__number", "subject__user_id")


def gallery_sample(gallery: Gallery, groups: Mapping[str, Mapping[str, str]] = NONE) -> Sample:
    """Return the references that may be matched as they are, named ``<user_id>/<reference_id>``."""
    rows = Reference.objects.filter(
        may_be_matched("subject__"),
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
    names = [f"{one.subject.user_id}/{one.pk}" for one in listed]
    return Sample(names, vectors, numbers, groups)


def sample_of(
    names: list[str],
    taken: Sequence[Taken],
    groups: Mapping[str, Mapping[str, str]],
    dates: Mapping[str, float],
) -> Sample:
    """Return all photographs, those without a face and those that the service refuses included."""
    people = [name.split("/")[0] for name in names]
    labels = np.unique(people, return_inverse=True)[1] if people else np.empty(0, np.int64)
    width = max((len(one.embedding) for one in taken), default=0)
    rows = np.zeros((len(names), max(width, 1)), np.float32)
    for row, one in zip(rows, taken, strict=True):
        row[: len(one.embedding)] = one.embedding
    both = list(zip(names, taken, strict=True))
    refused = {name: one.refused for name, one in both if one.refused}
    unfit = {name: one.unfit for name, one in both if one.unfit}
    return Sample(names, rows, labels.astype(np.int64), groups, dates, refused, unfit)


REFUSALS = ("no_face", "face_too_small", "low_quality", "multiple_faces", "not_searched")


def attempts_at(gallery: Gallery) -> dict[str, dict[str, Any]]:
    """Return, by act, how many requests to a gallery came to nothing for want of a good face.

    Read from the events there still are; an act that nobody tried is left out.
    """
    acts = ("register", "verify", "identify")
    rows = Event.objects.filter(gallery=gallery.name, act__in=acts).order_by()
    found: dict[str, dict[str, Any]] = {}
    for act in acts:
        counts = dict(rows.filter(act=act).values_list("outcome").annotate(count=Count("pk")))
        reasons = {outcome: counts[outcome] for outcome in REFUSALS if outcome in counts}
        if trials := sum(counts.values()):
            found[act] = {**proportion(sum(reasons.values()), trials), "reasons": reasons}
    return found
