"""``python -m benchmarks``: measure, print one table, write ``results/latest.json``."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.bench import KEPT, Bench
from benchmarks.report import Row, table

SECTIONS = ("stages", "identify", "search", "load", "start")
LATEST = Path(__file__).parent / "results" / "latest.json"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for."""
    asked = _parser().parse_args(arguments)
    cores = machine.keep_to_two_cores()
    facts: dict[str, Any] = machine.facts(cores) | {"load_before": machine.load_before()}
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=KEPT, prefix="run-"))  # on the disk that serves
    started = time.perf_counter()
    try:
        with closing(Bench(folder, quick=asked.quick, cores=cores)) as bench:
            rows = [row for name in asked.only or SECTIONS for row in _section(name)(bench)]
    finally:
        shutil.rmtree(folder)
    result = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started),
        "quick": asked.quick,
        "machine": facts,
        "rows": [row.as_json() for row in rows],
    }
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps(result, indent=1) + "\n")
    print(table(rows))
    print(f"\n{_told(facts)}; medians; {result['seconds']} s in all.")


def _section(name: str) -> Callable[[Bench], Iterator[Row]]:
    rows: Callable[[Bench], Iterator[Row]] = import_module(f"benchmarks.{name}").rows
    return rows


def _told(facts: dict[str, Any]) -> str:
    return (
        f"{facts['processor']}, {facts['cores_used']} cores, {facts['threads']} threads each, "
        f"load before the run {facts['load_before']}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, small galleries")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="one section")
    parser.add_argument("--output", type=Path, default=LATEST, help="where the JSON goes")
    return parser


if __name__ == "__main__":
    main()
