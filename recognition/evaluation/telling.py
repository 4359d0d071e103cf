"""A report for people to read, as tables: the command prints them, the console shows them.

In brackets stand 95 % intervals. What the data cannot tell is said, and not shown as a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Row = tuple[str, ...]
Report = Mapping[str, Any]
KINDS = {
    "folder": gettext_lazy("folders of people"),
    "pairs": gettext_lazy("a list of pairs"),
    "gallery": gettext_lazy("a gallery, each reference left out once"),
}
COUNTS = {
    "photographs": gettext_lazy("Photographs"),
    "faces": gettext_lazy("Faces"),
    "people": gettext_lazy("People"),
    "pairs": gettext_lazy("Pairs"),
}
WORDS = {
    "no_face": gettext_lazy("no face"),
    "face_too_small": gettext_lazy("face too small"),
    "low_quality": gettext_lazy("too poor"),
    "multiple_faces": gettext_lazy("several faces"),
    "not_searched": gettext_lazy("too small or too poor"),
}
SPOILT = {
    "turned": gettext_lazy("turned"),
    "darkened": gettext_lazy("darkened"),
    "brightened": gettext_lazy("brightened"),
    "blurred": gettext_lazy("blurred"),
    "recompressed": gettext_lazy("recompressed"),
    "reduced": gettext_lazy("reduced"),
    "lower half covered": gettext_lazy("lower half covered"),
    "eyes covered": gettext_lazy("eyes covered"),
}
# The names of errors are abbreviations everywhere (ISO/IEC 19795-1): FNMR, FMR, FNIR, FPIR, EER.


@dataclass(frozen=True, slots=True)
class Table:
    """One table; the first column of each row says what the others are about.

    ``steps``: its columns are steps of one thing, and each cell says which.
    """

    title: str
    head: Row
    rows: list[Row]
    note: str = ""
    steps: bool = False


def facts_of(report: Report) -> list[tuple[str, str]]:
    """Return what was measured: name and value."""
    return [
        (_("Data"), report["data"]),
        (_("Measured on"), str(KINDS.get(report.get("kind", ""), ""))),
        (_("Embedder"), report["embedder"]),
        (_("Time"), f"{report['date'].replace('T', ' ')} UTC"),
        *((str(said), f"{report[name]:,}") for name, said in COUNTS.items() if name in report),
    ]


def headline_of(report: Report) -> str:
    """Return what matters most of a report, in one line."""
    if "ten_fold" in report:
        fold = report["ten_fold"]
        return _("%(share)s of pairs told right") % {"share": _mean(fold)}
    found = report.get("identification", {}).get("open_set", {})
    one = [
        _short("FNMR", "FMR", row, "fmr", "fnmr") for row in report["verification"]["fnmr_at_fmr"]
    ]
    many = [_short("FNIR", "FPIR", row, "fpir", "fnir") for row in found.get("fnir_at_fpir", ())]
    told = [next((said for said in kind[1:] + kind[:1] if said), "") for kind in (one, many)]
    return "; ".join(filter(None, told)) or _("too little data to tell a rate")


def _short(paid: str, at: str, row: Report, rate: str, name: str) -> str:
    """Return a rate at another one, nothing where it was refused."""
    if "refused" in row:
        return ""
    share, span = percent(row[name]["rate"]), _span(row[name]["interval_95"])
    said = {"paid": paid, "share": share, "span": span, "at": at, "rate": f"{row[rate]:g}"}
    return _("%(paid)s %(share)s (%(span)s) at %(at)s %(rate)s") % said


def tables_of(report: Report) -> Iterator[Table]:
    """Yield the tables that a report has something for."""
    for make in TABLES:
        table = make(report)
        if table.rows:
            yield table
    for column, groups in report.get("groups", {}).items():
        yield _groups(column, groups)
    for table in (_untold(report), _years(report), _stress(report)):
        if table.rows:
            yield table


def percent(rate: float) -> str:
    """Return a share, 0 to 1, in per cent."""
    return f"{rate:.2%}".replace("%", " %")


def told(rate: Report) -> str:
    """Return a rate with its interval and counts, or why there is none."""
    if "refused" in rate:
        return _("not told: %(why)s") % {"why": rate["refused"]}
    if rate.get("rate") is None:
        return _("not measured")
    counts = _of(rate["errors"], rate["trials"])
    return f"{percent(rate['rate'])} ({_span(rate['interval_95'])}; {counts})"


def _of(some: int, number: int) -> str:
    return _("%(some)s of %(all)s") % {"some": f"{some:,}", "all": f"{number:,}"}


def _span(interval: list[float] | None) -> str:
    if not interval:
        return ""
    return _("%(low)s to %(high)s") % {"low": percent(interval[0]), "high": percent(interval[1])}


def _mean(fold: Report) -> str:
    return f"{percent(fold['mean'])} +- {percent(fold['standard_error'])}"


def _photographs(report: Report) -> Table:
    names = {
        "failure_to_detect": _("Failure to detect: no face was found"),
        "failure_to_acquire": _("Failure to acquire: refused as a probe"),
        "failure_to_enrol": _("Failure to enrol: people none of whose references is taken"),
    }
    found = [(said, report[name]) for name, said in names.items() if name in report]
    rows = [(said, told(rate), _reasons(rate)) for said, rate in found]
    return Table(_("Photographs that are refused"), ("", _("Rate"), _("Reasons")), rows)


def _attempts(report: Report) -> Table:
    rows = [(act, told(one), _reasons(one)) for act, one in report.get("attempts", {}).items()]
    note = _("Requests to this gallery, by the events that are still kept.")
    return Table(
        _("Attempts without a good face"), ("", _("Rate"), _("Reasons")), rows, note if rows else ""
    )


def _reasons(rate: Report) -> str:
    found = rate.get("reasons", {}).items()
    return ", ".join(f"{WORDS.get(code, code)}: {count:,}" for code, count in found)


def _scores(report: Report) -> Table:
    found = report.get("distributions", {})
    names = {
        "mean": _("Mean"),
        "deviation": _("Deviation"),
        "least": _("Least"),
        "greatest": _("Greatest"),
    }
    rows = [
        (said, *(f"{found[kind][name]:.4f}" for name in names))
        for kind, said in (("genuine", _("genuine")), ("impostor", _("impostor")))
        if kind in found
    ]
    return Table(_("Similarities"), ("", *names.values()), rows)


def _ten_fold(report: Report) -> Table:
    if "ten_fold" not in report:
        return Table("", (), [])
    lost = _of(report["pairs_with_a_face_not_found"], report["pairs"])
    rows = [
        (_("Pairs told right, ten-fold"), _mean(report["ten_fold"])),
        (_("Pairs with a face that was not found"), lost),
    ]
    return Table(_("Pairs"), ("", _("Mean and standard error")), rows)


def _comparisons(report: Report) -> Table:
    found = report["verification"]
    served = report.get("as_served", {}).get("verification", {})
    rows = [_eer(found["eer"], served.get("eer"))]
    for place, row in enumerate(found["fnmr_at_fmr"]):
        with_refusals = served["fnmr_at_fmr"][place] if served else {}
        head = _("FNMR at FMR %(rate)s") % {"rate": f"{row['fmr']:g}"}
        rows.append(_paid(head, row, with_refusals, "fnmr"))
    counts = {name: f"{found[name]:,}" for name in ("genuine", "impostor")}
    note = _("%(genuine)s genuine, %(impostor)s impostor comparisons.") % counts
    faces = report.get("faces", 0)
    if (some := report.get("compared_photographs", faces)) < faces:
        drawn = _("Of %(some)s photographs chosen at random.") % {"some": f"{some:,}"}
        note = f"{note} {drawn}"
    return Table(_("Verification (1:1)"), _paid_head(), rows, note)


def _paid_head() -> Row:
    drawn, counted = _("People drawn again"), _("Refused photographs counted")
    return ("", _("Rate"), drawn, _("Threshold"), counted)


def _eer(eer: Report, served: Report | None) -> Row:
    if "refused" in eer:
        return ("EER", told(eer), "", "", "")
    counted = percent(served["rate"]) if served and "refused" not in served else ""
    span = _span(eer.get("bootstrap_95"))
    return ("EER", percent(eer["rate"]), span, f"{eer['threshold']:.4f}", counted)


def _paid(head: str, row: Report, served: Report, paid: str) -> Row:
    if "refused" in row:
        return (head, told(row), "", "", "")
    counted = percent(served[paid]["rate"]) if paid in served else ""
    span = _span(row[paid].get("bootstrap_95"))
    return (head, told(row[paid]), span, f"{row['threshold']:.4f}", counted)


def _closed(report: Report) -> Table:
    found = report.get("identification", {}).get("closed_set", {})
    names = {
        "rank_1_missed": _("Not found first"),
        "rank_5_missed": _("Not among the first five"),
    }
    rows = [(said, told(found[name])) for name, said in names.items() if name in found]
    people = f"{found.get('people', 0):,}"
    title = _("Identification of known people among %(people)s (closed set)") % {"people": people}
    return Table(title, ("", _("Rate")), rows)


def _open(report: Report) -> Table:
    found = report.get("identification", {}).get("open_set", {})
    served = report.get("as_served", {}).get("identification", {}).get("open_set", {})
    rows = []
    for place, row in enumerate(found.get("fnir_at_fpir", ())):
        counted = served["fnir_at_fpir"][place] if "fnir_at_fpir" in served else {}
        head = _("FNIR at FPIR %(rate)s") % {"rate": f"{row['fpir']:g}"}
        rows.append(_paid(head, row, counted, "fnir"))
    counts = {name: f"{found.get(name, 0):,}" for name in ("people", "probes", "strangers")}
    note = _("%(probes)s probes, %(strangers)s of strangers.") % counts
    title = _("Identification among %(people)s people (open set)") % counts
    return Table(title, _paid_head(), rows, note)


def _in_force(report: Report) -> Table:
    found = report.get("in_force")
    if not found:
        return Table("", (), [])
    promised = found["promised"] or {}
    names = {
        "fpir": _("FPIR: strangers who are named"),
        "ambiguous_strangers": _("Strangers between two people: ambiguous, so not named"),
        "fnir": _("FNIR: known people who are missed"),
        "ambiguous": _("Of these, known people between two: ambiguous"),
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
    limit = {"limit": f"{found['threshold']:.4f}"}
    title = _("At the thresholds in force (%(limit)s for one reference)") % limit
    head = ("", _("Measured"), _("People drawn again"), _("Expected"))
    note = _("Who is refused is counted as missed, and a stranger who is refused as not named.")
    return Table(title, head, rows, f"{note} {found['warning'] or ''}".strip())


def _groups(column: str, groups: Report) -> Table:
    names = {"fnmr": "FNMR", "fmr": "FMR", "fnir": "FNIR", "fpir": "FPIR"}
    shown = [name for name in names if any(name in row for row in groups.values())]
    rows = [
        (group, f"{row['people']:,}", *(told(row[name]) for name in shown))
        for group, row in groups.items()
    ]
    head = ("", _("People"), *(names[name] for name in shown))
    note = _(
        "Within each group, at the one threshold that gives everybody together the FMR (1:1) or "
        "FPIR (1:N) wanted."
    )
    return Table(_("By %(column)s") % {"column": column}, head, rows, note)


def _untold(report: Report) -> Table:
    """Return why there is nothing of groups or years that were asked for."""
    names = {"groups": _("By groups"), "years": _("By years between two photographs")}
    # They want a threshold of everybody: that of the greatest FMR at the least.
    why = told(report["verification"]["fnmr_at_fmr"][0])
    rows = [(said, why) for name, said in names.items() if name in report and not report[name]]
    return Table(_("What cannot be told apart"), ("", _("Rate")), rows)


def _years(report: Report) -> Table:
    rows = [
        (_("%(low)s to %(high)s") % {"low": row["from"], "high": row["to"]}, told(row["fnmr"]))
        for row in report.get("years", ())
    ]
    return Table(_("By years between two photographs"), (_("Years"), "FNMR"), rows)


def _stress(report: Report) -> Table:
    found = report.get("stress")
    if not found:
        return Table("", (), [])
    rows = [
        (
            str(SPOILT.get(kind, kind)),
            *(f"{step['step']:g}: {percent(step['fnmr']['rate'])}" for step in steps),
        )
        for kind, steps in found["kinds"].items()
    ]
    title = _("FNMR of spoilt probes at %(limit)s") % {"limit": f"{found['threshold']:.4f}"}
    note = _(
        "Untouched: %(untouched)s. Of the spoilt ones the service would refuse %(refused)s instead."
    ) % {
        "untouched": told(found["untouched"]["fnmr"]),
        "refused": _of(_refused(found), _probes(found)),
    }
    head = ("", *(_("Step %(number)s") % {"number": n} for n in range(1, 6)))
    return Table(title, head, rows, note, steps=True)


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
        lines += [_line(table, row) for row in table.rows]
    return lines


def _line(table: Table, row: Row) -> str:
    """Return a row as text: each cell but the first two with what its column says."""
    first, *cells = row
    said = [
        cell if place == 0 or table.steps else f"{name.lower()} {cell}"
        for place, (name, cell) in enumerate(zip(table.head[1:], cells, strict=True))
        if cell
    ]
    return f"  {first}: {'; '.join(cell.removesuffix('.') for cell in said)}"
