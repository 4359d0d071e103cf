"""``python -m benchmarks``: measure, print one table, write ``results/latest.json``."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.bench import KEPT, Bench
from benchmarks.report import Row, table

SECTIONS = ("stages", "identify", "search", "load", "start")
LATEST = Path(__file__).parent / "results" / "latest.json"
PARTIAL = KEPT / "latest.json"  # of a quick run, or of one section


@dataclass(frozen=True, slots=True)
class Section:
    """What one section gave, and how many cores other programs kept busy meanwhile."""

    rows: list[Row]
    seconds: float
    others: float


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
    others, started = machine.Others(), time.perf_counter()
    rows: Callable[[Bench], Iterator[Row]] = import_module(f"benchmarks.{name}").rows
    measured = list(rows(bench))
    return Section(measured, round(time.perf_counter() - started, 1), others.cores())


def _as_json(quick: bool, facts: dict[str, Any], sections: dict[str, Section]) -> dict[str, Any]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": facts,
        "sections": {
            name: {"seconds": section.seconds, "cores_taken_by_others": section.others}
            for name, section in sections.items()
        },
        "rows": [row.as_json() for section in sections.values() for row in section.rows],
    }


def _told(facts: dict[str, Any], sections: dict[str, Section]) -> str:
    """Return what the figures were measured on, and whether anything disturbed them."""
    taken = ", ".join(f"{name} {section.others}" for name, section in sections.items())
    return (
        f"\n{facts['processor']}, {facts['cores_used']} cores, {facts['threads']} threads each; "
        f"medians; {sum(section.seconds for section in sections.values()):.0f} s in all.\n"
        f"Cores that other programs kept busy meanwhile: {taken}."
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
