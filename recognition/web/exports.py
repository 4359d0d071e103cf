"""Tables as CSV: sent row by row, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import StreamingHttpResponse

#: What makes a spreadsheet take a cell for a formula.
#: Source: OWASP, "CSV Injection".
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Line:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_answer(filename: str, rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """Answer with a file to be saved under ``filename``."""
    writer = csv.writer(_Line())
    sent = (writer.writerow([guarded(value) for value in row]) for row in rows)
    answer = StreamingHttpResponse(sent, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def guarded(value: Any) -> Any:
    """Return a cell that no spreadsheet runs: texts that look like a formula get an apostrophe."""
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return value
