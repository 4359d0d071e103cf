"""The report of an import as CSV, line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from recognition.import_models import Import, ImportFile
from recognition.services import imports

COLUMNS = (
    "file", "user_id", "display_name", "outcome", "code", "detail", "hint", "reference_id",
    "possible_duplicates",
)  # fmt: skip
# What spreadsheets take for the beginning of a formula, which could send the sheet away.
# Source: OWASP, "CSV Injection".
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def lines(batch: Import) -> Iterator[str]:
    """Yield the report, a line for each file."""
    yield _line(COLUMNS)
    for file, alike in imports.report(batch):
        yield _line(_values(file, alike))


def _values(file: ImportFile, alike: Iterable[tuple[str, float]]) -> Iterator[Any]:
    yield from (file.path, file.user_id, file.display_name, file.get_state_display())
    yield from (file.code, file.detail, file.hint, file.reference or "")
    yield " ".join(f"{user_id} {similarity:.4f}" for user_id, similarity in alike)


def safe(value: object) -> str:
    """Return a value as text that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


class _Line:
    """Where the writer of the csv module writes to."""

    def write(self, line: str) -> str:
        return line


def _line(values: Iterable[object]) -> str:
    return str(csv.writer(_Line()).writerow([safe(value) for value in values]))
