"""Measure Facesite side by side with its peers: one table, ``latest.json`` and ``speed.png``.

Both files go into benchmarks/results after a whole run without failures, else (``--quick``,
``--only``) into var/benchmarks. Photographs beside the clone, in ../shared/data or the folder that
FACESITE_BENCH_DATA names, are used where there are some. Everything runs on two cores.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from benchmarks import machine
from benchmarks.bench import KEPT, Bench
from benchmarks.plot import RESULTS, draw
from benchmarks.report import Row, table, verdict

#: What wants a quiet machine comes first, then what is counted and not timed. The gallery of a
#: million is filled for one and used by the next.
SECTIONS = {
    "stages": "where the time of a request goes, against the libraries' same stages",
    "identify": "whole requests over HTTP against bare library calls",
    "search": "1:N search by people in the gallery, against BLAS, faiss and Redis",
    "load": "latency and throughput by clients at once",
    "growth": "whole requests with 10,000 people and with a million",
    "start": "from the start to the first answer, and memory",
    "agreement": "stale answers of two processes on one database",
    "detection": "faces lost against full-size MTCNN (also: python -m benchmarks.detection)",
    "accuracy": "error rates on LFW's View 1",
}
SOME_SECONDS = 0.5  # a measurement takes longer, its rows come in less
#: What a section may fail of: a server that does not start, a contestant that ran out of memory,
#: an answer that is not the expected one. The others are measured all the same.
FAILURES = (
    *(OSError, RuntimeError, EOFError, AssertionError, ValueError, LookupError, ImportError),
    *(subprocess.SubprocessError, http.client.HTTPException, psutil.Error),
)


@dataclass(slots=True)
class Section:
    """What one section gave, how long it took, and what it failed of, if it did."""

    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    failure: str = "interrupted"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 1 where a section failed."""
    asked = _parser().parse_args(arguments)
    cores = machine.keep_to_two_cores()
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=KEPT, prefix="run-"))  # on the disk that serves
    sections: dict[str, Section] = {}
    try:
        bench = Bench(folder, quick=asked.quick, cores=cores)
        for name in asked.only or SECTIONS:
            sections[name] = Section()
            run(name, bench, sections[name])
    finally:
        shutil.rmtree(folder)
        if sections:
            _tell(asked, cores, sections)
    return int(any(section.failure for section in sections.values()))


def run(name: str, bench: Bench, section: Section) -> None:
    """Fill ``section``; what was measured before a failure stays in it."""
    started = time.perf_counter()
    try:
        rows: Callable[[Bench], Iterator[Row]] = import_module(f"benchmarks.{name}").rows
        for row in _watched(rows(bench)):
            section.rows.append(row)
        section.failure = ""
    except FAILURES as failure:
        section.failure = type(failure).__name__
        traceback.print_exc()
    finally:
        section.seconds = round(time.perf_counter() - started, 1)
        bench.close()


def _tell(asked: argparse.Namespace, cores: int, sections: dict[str, Section]) -> None:
    """Write the JSON, print the table, draw the plot."""
    facts = machine.facts(cores)
    result = _as_json(asked.quick, facts, sections)
    whole = list(sections) == list(SECTIONS) and not (asked.quick or result["failures"])
    output = asked.output or (RESULTS if whole else KEPT) / "latest.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n")
    rows = [row for section in sections.values() for row in section.rows]
    print(f"{table(rows)}\n\n{_told(facts, sections)}\n{verdict(rows)}")
    for name, failure in result["failures"].items():
        print(f"FAILED: {name}, of {failure}: see above")
    draw(result, output.with_name("speed.png"))


def _watched(rows: Iterable[Row]) -> Iterator[Row]:
    """Add to each row what other programs took while it was measured.

    Rows of one measurement come at once, after it.
    """
    others, taken = machine.Others(), 0.0
    for row in rows:
        if others.seconds > SOME_SECONDS:
            taken = others.cores()
            others.restart()
        yield replace(row, others=taken)


def _as_json(quick: bool, facts: dict[str, Any], sections: dict[str, Section]) -> dict[str, Any]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": facts,
        "seconds": {name: section.seconds for name, section in sections.items()},
        "failures": {name: s.failure for name, s in sections.items() if s.failure},
        "rows": [row.as_json() for section in sections.values() for row in section.rows],
    }


def _told(facts: dict[str, Any], sections: dict[str, Section]) -> str:
    """Return what the figures were measured on."""
    return (
        f"{facts['processor']}, {facts['cores_used']} cores, {facts['threads']} threads each; "
        f"medians; {sum(section.seconds for section in sections.values()):.0f} s in all."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="\n".join(["sections:", *(f"  {name:10} {t}" for name, t in SECTIONS.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, small galleries")
    parser.add_argument(
        "--only",
        action="append",
        choices=SECTIONS,
        metavar="SECTION",
        help="one section; can be given again",
    )
    parser.add_argument("--output", type=Path, help="where the JSON goes; the plot lies beside it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
