"""``python -m benchmarks``: measure, print one table, write ``results/latest.json``."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.bench import KEPT, Bench
from benchmarks.report import Row, table

SECTIONS = ("stages", "identify", "search", "load", "start")
LATEST = Path(__file__).parent / "results" / "latest.json"
SOME_SECONDS = 0.5  # a measurement takes longer, its rows come in less
PARTIAL = KEPT / "latest.json"  # of a quick run, or of one section


@dataclass(frozen=True, slots=True)
class Section:
    """What one section gave, and how long it took."""

    rows: list[Row]
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for."""
    asked = _parser().parse_args(arguments)
    cores = machine.keep_to_two_cores()
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=KEPT, prefix="run-"))  # on the disk that serves
    try:
        with closing(Bench(folder, quick=asked.quick, cores=cores)) as bench:
            sections = {name: _run(name, bench) for name in asked.only or SECTIONS}
    finally:
        shutil.rmtree(folder)
    facts = machine.facts(cores)
    output = asked.output or (PARTIAL if asked.quick or asked.only else LATEST)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(_as_json(asked.quick, facts, sections), indent=1) + "\n")
    print(table([row for section in sections.values() for row in section.rows]))
    print(_told(facts, sections))


def _run(name: str, bench: Bench) -> Section:
    started = time.perf_counter()
    rows: Callable[[Bench], Iterator[Row]] = import_module(f"benchmarks.{name}").rows
    measured = list(_watched(rows(bench)))
    return Section(measured, round(time.perf_counter() - started, 1))


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
        "rows": [row.as_json() for section in sections.values() for row in section.rows],
    }


def _told(facts: dict[str, Any], sections: dict[str, Section]) -> str:
    """Return what the figures were measured on."""
    return (
        f"\n{facts['processor']}, {facts['cores_used']} cores, {facts['threads']} threads each; "
        f"medians; {sum(section.seconds for section in sections.values()):.0f} s in all."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, small galleries")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="one section")
    parser.add_argument(
        "--output",
        type=Path,
        help="where the JSON goes: benchmarks/results/latest.json, or var/benchmarks for a part",
    )
    return parser


if __name__ == "__main__":
    main()
