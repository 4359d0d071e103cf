"""What was measured, as one table and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.timing import Measure

#: Cores that other programs may take before a row is said to be disturbed: 7 % of two cores.
DISTURBED = 0.15
HEADINGS = ("", "Facesite", "against", "", "faster", "bar", "", "")
NOTES_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Bar:
    """A number to reach: ``measured`` ``at least`` or ``at most`` ``limit``."""

    kind: str
    limit: float
    measured: float
    unit: str = "x"

    @property
    def reached(self) -> bool:
        if self.kind == "at least":
            return self.measured >= self.limit
        return self.measured <= self.limit

    def __str__(self) -> str:
        return f"{self.kind} {shown(self.limit)} {self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: Facesite, and where there is one a peer that did the same work in turn with it.

    ``facesite`` is None where nothing could be measured; ``note`` says why.
    """

    section: str
    what: str
    facesite: Measure | None
    peer: str = ""
    theirs: Measure | None = None
    bar: Bar | None = None
    note: str = ""
    others: float = 0.0  # cores that other programs kept busy meanwhile

    @property
    def ratio(self) -> float | None:
        """How many times faster than the peer Facesite is."""
        if self.theirs is None or self.facesite is None:
            return None
        return self.theirs.median / self.facesite.median

    def as_json(self) -> dict[str, Any]:
        bar = asdict(self.bar) | {"reached": self.bar.reached} if self.bar else None
        return asdict(self) | {"ratio": self.ratio and round(self.ratio, 3), "bar": bar}

    def cells(self, footnote: str) -> tuple[str, ...]:
        """Return what stands in the table's columns."""
        ratio = f"{self.ratio:.2f} x" if self.ratio else ""
        verdict = ("reached" if self.bar.reached else "MISSED") if self.bar else ""
        bar = str(self.bar) if self.bar else ""
        return (
            f"  {self.what}",
            told(self.facesite) if self.facesite else "not measured",
            self.peer,
            told(self.theirs) if self.theirs else "",
            ratio,
            bar,
            verdict,
            f"{footnote} disturbed: {self.others}" if self.others > DISTURBED else footnote,
        )


def faster(times: float, ours: Measure, theirs: Measure) -> Bar:
    """Return the bar of being ``times`` faster than a peer."""
    return Bar("at least", times, round(theirs.median / ours.median, 3))


def shown(value: float) -> str:
    """Return three figures, more only before the point; a count as it is."""
    if isinstance(value, int):
        return f"{value:,}"
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{decimals}f}"


def told(measure: Measure) -> str:
    """Return the median, and the 95th percentile where there is enough to tell it."""
    text = f"{shown(measure.median)} {measure.unit}"
    return f"{text} (p95 {shown(measure.p95)})" if measure.rounds >= 20 else text


def table(rows: Sequence[Row]) -> str:
    """Return all rows as one table for a terminal, notes as footnotes."""
    notes = {note: f"[{number}]" for number, note in enumerate(_notes(rows), start=1)}
    lines = list(_lines(rows, notes))
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return "\n".join([*text, "", *(_footnote(mark, note) for note, mark in notes.items())])


def verdict(rows: Sequence[Row]) -> str:
    """Return how many bars are reached, which are not, and whether the machine was quiet."""
    barred = [row for row in rows if row.bar]
    missed = [row for row in barred if row.bar and not row.bar.reached]
    lines = [f"{len(barred) - len(missed)} of {len(barred)} bars reached"]
    for row in missed:
        assert row.bar is not None
        measured = f"{shown(row.bar.measured)} {row.bar.unit}"
        lines.append(f"  MISSED: {row.section}, {row.what}: {measured}, {row.bar}")
    if disturbed := sum(row.others > DISTURBED for row in rows):
        lines.append(f"{disturbed} rows were measured beside other programs: measure them again")
    return "\n".join(lines)


def _footnote(mark: str, note: str) -> str:
    return textwrap.fill(f"{mark} {note}", NOTES_WIDTH, subsequent_indent=" " * (len(mark) + 1))


def _lines(rows: Iterable[Row], notes: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    yield HEADINGS
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            yield (section.upper(), *[""] * (len(HEADINGS) - 1))
        yield row.cells(notes.get(row.note, ""))


def _notes(rows: Iterable[Row]) -> list[str]:
    """Return what is said of rows, each thing once."""
    return list(dict.fromkeys(row.note for row in rows if row.note))
