"""Lists that are given to an evaluation: pairs in LFW's format, groups and dates as CSV.

What cannot be read is refused with the line that it stands in.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from recognition.errors import RecognitionError
from recognition.evaluation.choosing import Flags, place_among_own
from recognition.management.pictures import is_picture, shown

FOLDS = 10  # where the list itself names none
SHOWN = 3  # of the photographs that are missing
Groups = dict[str, dict[str, str]]  # {column: {person: group}}


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """A list of pairs: files (P, 2), whether they are of one person (P,), the folds (P,)."""

    files: list[tuple[Path, Path]]
    people: list[tuple[str, str]]
    same: Flags
    folds: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of such a list: two photographs, each the person and the number."""

    line: int
    one: tuple[str, int]
    other: tuple[str, int]


def wrong(sentence: str) -> RecognitionError:
    return RecognitionError("invalid_request", sentence, hint="Correct the file.")


def text_of(file: Path) -> str:
    """Return a text file, with or without a byte order mark."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise wrong(f"{shown(file.name)} cannot be read as text in UTF-8: {error}.") from error


def read_pairs(listed: Path, folder: Path) -> Pairs:
    """Read a list in LFW's format: ``name n m`` (one person) or ``name n name m`` in each line.

    The first line may say ``folds count`` or ``count``: so many pairs of each kind (in a fold, one
    following the other). Without folds the pairs of each kind are dealt out to ten.
    """
    lines = list(enumerate(text_of(listed).splitlines(), 1))
    rows = [(number, line) for number, line in lines if line.strip()]
    head = [int(part) for part in rows[0][1].split()] if rows and _is_head(rows[0][1]) else []
    pairs = [_pair(listed, number, line) for number, line in (rows[1:] if head else rows)]
    if not pairs:
        raise wrong(f"{shown(listed.name)} holds no pair.")
    said = 2 * int(np.prod(head))
    if head and said != len(pairs):
        raise wrong(
            f"{shown(listed.name)} says {' x '.join(map(str, head))} pairs of each kind in its "
            f"first line, {said:,} together; {len(pairs):,} follow."
        )
    same = np.array([pair.one[0] == pair.other[0] for pair in pairs])
    dealt = place_among_own(same.astype(np.int64)) % FOLDS
    folds = np.arange(len(pairs)) // (2 * head[1]) if len(head) == 2 else dealt
    _check_folds(listed, same, folds)
    people = [(pair.one[0], pair.other[0]) for pair in pairs]
    return Pairs(_files(listed, folder, pairs), people, same, folds)


def _check_folds(listed: Path, same: Flags, folds: NDArray[np.int64]) -> None:
    """Raise where no threshold can be chosen on the other folds."""
    for fold in range(int(folds.max()) + 1):
        if len(np.unique(same[folds != fold])) < 2:
            raise wrong(
                f"{shown(listed.name)}: outside of fold {fold + 1} of {int(folds.max()) + 1} there "
                "are no pairs of both kinds, of one person and of two, to choose a threshold on."
            )


def _is_head(line: str) -> bool:
    fields = line.split()
    return len(fields) in {1, 2} and all(map(_is_number, fields))


def _is_number(field: str) -> bool:
    return field.isascii() and field.isdigit()


def _pair(listed: Path, number: int, line: str) -> Pair:
    """Read a line. Tabs part the fields; without any, blanks do, and a name may hold some."""
    fields = [field.strip() for field in line.strip().split("\t")]
    if len(fields) == 1:
        fields = _parted(line.split())
    if len(fields) == 3 and all(map(_is_number, fields[1:])):
        return Pair(number, (fields[0], int(fields[1])), (fields[0], int(fields[2])))
    if len(fields) == 4 and _is_number(fields[1]) and _is_number(fields[3]):
        return Pair(number, (fields[0], int(fields[1])), (fields[2], int(fields[3])))
    raise wrong(
        f"{shown(listed.name)}, line {number}: neither `name n m` nor `name n name m`, with tabs "
        "between where names hold blanks."
    )


def _parted(words: list[str]) -> list[str]:
    """Return the fields of a line of words; as it is where that cannot be told."""
    if len(words) == 3 or (len(words) == 4 and _is_number(words[1])):
        return words
    numbers = [at for at, word in enumerate(words) if at and _is_number(word)]
    if len(numbers) != 2 or numbers[1] != len(words) - 1:
        return words
    middle = numbers[0]
    if middle == numbers[1] - 1:
        return [" ".join(words[:middle]), *words[middle:]]
    return [" ".join(words[:middle]), words[middle], " ".join(words[middle + 1 : -1]), words[-1]]


def _files(listed: Path, folder: Path, pairs: list[Pair]) -> list[tuple[Path, Path]]:
    """Return the photographs of each pair; raise where some are missing."""
    there: dict[str, dict[str, Path]] = {}
    missing: dict[str, int] = {}
    for pair in pairs:
        for person, number in (pair.one, pair.other):
            if person not in there:
                there[person] = _photographs(folder, person)
            if _stem(person, number) not in there[person]:
                missing.setdefault(f"{person}/{person}_{number:04}", pair.line)
    if missing:
        some = [f"{shown(name)} (line {line})" for name, line in missing.items()]
        more = ", ..." if len(some) > SHOWN else ""
        raise wrong(
            f"{len(missing):,} photographs of {shown(listed.name)} are not in "
            f"{shown(folder.name)}: {', '.join(some[:SHOWN])}{more}."
        )
    return [
        (there[pair.one[0]][_stem(*pair.one)], there[pair.other[0]][_stem(*pair.other)])
        for pair in pairs
    ]


def _stem(person: str, number: int) -> str:
    return normalize("NFC", f"{person}_{number:04}")


def _photographs(folder: Path, person: str) -> dict[str, Path]:
    """Return the pictures of a person by their names without the suffix, however the accents of
    the folder's name are written."""
    forms = (person, normalize("NFC", person), normalize("NFD", person))
    own = next((folder / form for form in forms if (folder / form).is_dir()), None)
    files = sorted(own.iterdir()) if own else []
    return {normalize("NFC", path.stem): path for path in files if is_picture(path.name)}


def read_groups(file: Path) -> Groups:
    """Read a CSV whose first column is the person: {column: {person: group}}."""
    (_, (_, *columns)), *rows = _rows_of(file) or [(1, [""])]
    if not columns:
        raise wrong(f"{shown(file.name)} has no column beside the person's.")
    return {
        name: {row[0]: row[place] for _, row in rows if len(row) > place and row[place]}
        for place, name in enumerate(columns, 1)
    }


def read_dates(file: Path) -> dict[str, float]:
    """Read a CSV of ``<person>/<file>`` and a date, YYYY, YYYY-MM or YYYY-MM-DD: {name: years}."""
    dates: dict[str, float] = {}
    for place, (number, row) in enumerate(_rows_of(file)):
        years = years_of(row[1]) if len(row) > 1 else None
        if years is not None:
            dates[row[0]] = years
        elif place or any(map(str.isdigit, "".join(row[1:]))):  # the first line may be a heading
            raise wrong(
                f"{shown(file.name)}, line {number}: no `person/file,date` with a date like 2004, "
                "2004-05 or 2004-05-06."
            )
    return dates


def _rows_of(file: Path) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV that hold anything, without blanks around, and where each ends."""
    lines = csv.reader(StringIO(text_of(file), newline=""))
    try:
        rows = [(lines.line_num, [cell.strip() for cell in row]) for row in lines]
    except csv.Error as error:
        raise wrong(f"{shown(file.name)}, line {lines.line_num}: no CSV: {error}.") from error
    return [(number, row) for number, row in rows if any(row)]


DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


def years_of(text: str) -> float | None:
    """Return a date in years, None for what is none; an anniversary is a whole year later.

    A year or a month alone stands for its middle.
    """
    found = DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    assert year is not None  # noqa: S101  # the pattern wants one; for mypy
    try:
        date(year, month or 1, day or 1)
    except ValueError:
        return None
    if month is None:
        return year + 0.5
    return year + (month - 1 + (0.5 if day is None else (day - 1) / 31)) / 12
