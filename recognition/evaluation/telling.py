"""A report for people to read, as tables: the command prints them, the console shows them.

In brackets stand 95 % intervals. What the data cannot tell is said, and not shown as a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Row = tuple[str, ...]
Report = Mapping[str, Any]
KINDS = {
    "folder": "folders of people",
    "pairs": "a list of pairs",
    "gallery": "a gallery, each reference left out once",
}
WORDS = {
    "no_face": "no face",
    "face_too_small": "face too small",
    "low_quality": "too poor",
    "multiple_faces": "several faces",
    "not_searched": "too small or too poor",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table; the first column of each row says what the others are about."""

    title: str
    head: Row
    rows: list[Row]
    note: str = ""


def facts_of(report: Report) -> list[tuple[str, str]]:
    """Return what was measured: name and value."""
    counts = ("photographs", "faces", "people", "pairs")
    return [
        ("Data", report["data"]),
        ("Measured on", KINDS.get(report.get("kind", ""), "")),
        ("Embedder", report["embedder"]),
        ("Time", f"{report['date'].replace('T', ' ')} UTC"),
        *((name.capitalize(), f"{report[name]:,}") for name in counts if name in report),
    ]


def headline_of(report: Report) -> str:
    """Return what matters most of a report, in one line."""
    if "ten_fold" in report:
        fold = report["ten_fold"]
        return f"{percent(fold['mean'])} +- {percent(fold['standard_error'])} of pairs told right"
    found = report.get("identification", {}).get("open_set", {})
    one = [
        _short("FNMR", "FMR", row, "fmr", "fnmr") for row in report["verification"]["fnmr_at_fmr"]
    ]
    many = [_short("FNIR", "FPIR", row, "fpir", "fnir") for row in found.get("fnir_at_fpir", ())]
    told = [next((said for said in kind[1:] + kind[:1] if said), "") for kind in (one, many)]
    return "; ".join(filter(None, told)) or "too little data to tell a rate"


def _short(paid: str, at: str, row: Report, rate: str, name: str) -> str:
    """Return a rate at another one, nothing where it was refused."""
    if "refused" in row:
        return ""
    low, high = row[name]["interval_95"]
    said = f"{paid} {percent(row[name]['rate'])} ({percent(low)} to {percent(high)})"
    return f"{said} at {at} {row[rate]:g}"


def tables_of(report: Report) -> Iterator[Table]:
    """Yield the tables that a report has something for."""
    for make in TABLES:
        table = make(report)
        if table.rows:
            yield table
    for column, groups in report.get("groups", {}).items():
        yield _groups(column, groups)
    for table in (_years(report), _stress(report)):
        if table.rows:
            yield table


def percent(rate: float) -> str:
    """Return a share, 0 to 1, in per cent."""
    return f"{rate:.2%}".replace("%", " %")


def told(rate: Report) -> str:
    """Return a rate with its interval and counts, or why there is none."""
    if "refused" in rate:
        return f"not told: {rate['refused']}"
    if rate.get("rate") is None:
        return "not measured"
    low, high = rate["interval_95"]
    counts = f"{rate['errors']:,} of {rate['trials']:,}"
    return f"{percent(rate['rate'])} ({percent(low)} to {percent(high)}; {counts})"


def _span(interval: list[float] | None) -> str:
    return f"{percent(interval[0])} to {percent(interval[1])}" if interval else ""


def _photographs(report: Report) -> Table:
    names = ("failure_to_detect", "failure_to_acquire", "failure_to_enrol")
    said = {
        "failure_to_detect": "Failure to detect: no face was found",
        "failure_to_acquire": "Failure to acquire: refused as a probe",
        "failure_to_enrol": "Failure to enrol: people none of whose references is taken",
    }
    rows = [(said[name], told(report[name]), _reasons(report[name])) for name in names
            if name in report]  # fmt: skip
    return Table("Photographs that are refused", ("", "Rate", "Reasons"), rows)


def _attempts(report: Report) -> Table:
    rows = [(act, told(one), _reasons(one)) for act, one in report.get("attempts", {}).items()]
    note = "Requests to this gallery, by the events that are still kept."
    return Table(
        "Attempts without a good face", ("", "Rate", "Reasons"), rows, note if rows else ""
    )


def _reasons(rate: Report) -> str:
    found = rate.get("reasons", {}).items()
    return ", ".join(f"{WORDS.get(code, code)}: {count:,}" for code, count in found)


def _scores(report: Report) -> Table:
    found = report.get("distributions", {})
    names = ("mean", "deviation", "least", "greatest")
    rows = [
        (kind, *(f"{found[kind][name]:.4f}" for name in names))
        for kind in ("genuine", "impostor")
        if kind in found
    ]
    return Table("Similarities", ("", *(name.capitalize() for name in names)), rows)


def _ten_fold(report: Report) -> Table:
    if "ten_fold" not in report:
        return Table("", (), [])
    fold = report["ten_fold"]
    share = f"{percent(fold['mean'])} +- {percent(fold['standard_error'])}"
    lost = f"{report['pairs_with_a_face_not_found']:,} of {report['pairs']:,}"
    rows = [("Pairs told right, ten-fold", share), ("Pairs with a face that was not found", lost)]
    return Table("Pairs", ("", "Mean and standard error"), rows)


def _comparisons(report: Report) -> Table:
    found = report["verification"]
    served = report.get("as_served", {}).get("verification", {})
    rows = [_eer(found["eer"], served.get("eer"))]
    for place, row in enumerate(found["fnmr_at_fmr"]):
        with_refusals = served["fnmr_at_fmr"][place] if served else {}
        rows.append(_paid(f"FNMR at FMR {row['fmr']:g}", row, with_refusals, "fnmr"))
    counts = f"{found['genuine']:,} genuine, {found['impostor']:,} impostor comparisons"
    if (some := report.get("compared_photographs", 0)) < report.get("faces", 0):
        counts += f" of {some:,} photographs chosen at random"
    counts += "."
    return Table("Verification (1:1)", PAID, rows, counts)


PAID = ("", "Rate", "People drawn again", "Threshold", "Refused photographs counted")


def _eer(eer: Report, served: Report | None) -> Row:
    if "refused" in eer:
        return ("EER", f"not told: {eer['refused']}", "", "", "")
    counted = percent(served["rate"]) if served and "refused" not in served else ""
    span = _span(eer.get("bootstrap_95"))
    return ("EER", percent(eer["rate"]), span, f"{eer['threshold']:.4f}", counted)


def _paid(head: str, row: Report, served: Report, paid: str) -> Row:
    if "refused" in row:
        return (head, f"not told: {row['refused']}", "", "", "")
    counted = percent(served[paid]["rate"]) if paid in served else ""
    span = _span(row[paid].get("bootstrap_95"))
    return (head, told(row[paid]), span, f"{row['threshold']:.4f}", counted)


def _closed(report: Report) -> Table:
    found = report.get("identification", {}).get("closed_set", {})
    names = {"rank_1_missed": "Not found first", "rank_5_missed": "Not among the first five"}
    rows = [(said, told(found[name])) for name, said in names.items() if name in found]
    title = f"Identification of known people among {found.get('people', 0):,} (closed set)"
    return Table(title, ("", "Rate"), rows)


def _open(report: Report) -> Table:
    found = report.get("identification", {}).get("open_set", {})
    served = report.get("as_served", {}).get("identification", {}).get("open_set", {})
    rows = []
    for place, row in enumerate(found.get("fnir_at_fpir", ())):
        counted = served["fnir_at_fpir"][place] if "fnir_at_fpir" in served else {}
        rows.append(_paid(f"FNIR at FPIR {row['fpir']:g}", row, counted, "fnir"))
    note = f"{found.get('probes', 0):,} probes, {found.get('strangers', 0):,} of strangers."
    title = f"Identification among {found.get('people', 0):,} people (open set)"
    return Table(title, PAID, rows, note)


def _in_force(report: Report) -> Table:
    found = report.get("in_force")
    if not found:
        return Table("", (), [])
    promised = found["promised"] or {}
    names = {
        "fpir": "FPIR: strangers who are named",
        "ambiguous_strangers": "Strangers between two people: ambiguous, so not named",
        "fnir": "FNIR: known people who are missed",
        "ambiguous": "Of these, known people between two: ambiguous",
    }
    rows = [
        (
            said,
            told(found[name]),
            _span(found[name].get("bootstrap_95")),
            percent(promised[name]) if name in promised else "",
        )
        for name, said in names.items()
        if found.get(name)
    ]
    title = f"At the thresholds in force ({found['threshold']:.4f} for one reference)"
    head = ("", "Measured", "People drawn again", "Expected")
    return Table(title, head, rows, found["warning"] or "")


def _groups(column: str, groups: Report) -> Table:
    names = {"fnmr": "FNMR", "fmr": "FMR", "fnir": "FNIR", "fpir": "FPIR"}
    shown = [name for name in names if any(name in row for row in groups.values())]
    rows = [
        (group, f"{row['people']:,}", *(told(row[name]) for name in shown))
        for group, row in groups.items()
    ]
    head = ("", "People", *(names[name] for name in shown))
    note = "Within each group, at the one threshold that gives everybody together "
    return Table(f"By {column}", head, rows, f"{note}the FMR (1:1) or FPIR (1:N) wanted.")


def _years(report: Report) -> Table:
    rows = [(f"{row['from']} to {row['to']}", told(row["fnmr"])) for row in report.get("years", ())]
    return Table("By years between two photographs", ("Years", "FNMR"), rows)


def _stress(report: Report) -> Table:
    found = report.get("stress")
    if not found:
        return Table("", (), [])
    rows = [
        (kind, *(f"{step['step']:g}: {percent(step['fnmr']['rate'])}" for step in steps))
        for kind, steps in found["kinds"].items()
    ]
    title = f"FNMR of spoilt probes at {found['threshold']:.4f}"
    note = f"Untouched: {told(found['untouched']['fnmr'])}. Of the spoilt ones the service would "
    note += f"refuse {_refused(found):,} of {_probes(found):,} instead."
    return Table(title, ("", *(f"Step {n}" for n in range(1, 6))), rows, note)


def _refused(found: Report) -> int:
    return sum(step.get("refused", 0) for steps in found["kinds"].values() for step in steps)


def _probes(found: Report) -> int:
    return sum(step["fnmr"]["trials"] for steps in found["kinds"].values() for step in steps)


TABLES = (_photographs, _attempts, _scores, _ten_fold, _comparisons, _closed, _open, _in_force)


def lines_of(report: Report) -> list[str]:
    """Return the report as lines of text."""
    lines = [f"{name}: {value}" for name, value in facts_of(report) if value]
    for table in tables_of(report):
        lines += ["", table.title, *([f"  ({table.note})"] if table.note else [])]
        lines += [_line(table.head, row) for row in table.rows]
    return lines


def _line(head: Row, row: Row) -> str:
    """Return a row as text: each cell but the first two with what its column says."""
    first, *cells = row
    said = [
        cell if place == 0 or not name or name.startswith("Step") else f"{name.lower()} {cell}"
        for place, (name, cell) in enumerate(zip(head[1:], cells, strict=True))
        if cell
    ]
    return f"  {first}: {'; '.join(said)}"
