"""Ask the advisory database of PyPI about every version in ``constraints.txt``: ``make check``.

Exit status 1 where a weakness is known. Where the database cannot be reached, that is said and is
no failure: whoever checks without a network would else check nothing any more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
DATABASE = "https://pypi.org/pypi/pip/25.0/json"  # an address as pip-audit asks it
SECONDS = 300.0  # for all of it
PROBE_SECONDS = 10.0
PIP_AUDIT = (
    sys.executable, "-m", "pip_audit", "--requirement", str(CONSTRAINTS), "--no-deps",
    "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "15",
)  # fmt: skip


def main(command: tuple[str, ...] = PIP_AUDIT, database: str = DATABASE) -> int:
    """Run pip-audit and say what it found; return the exit status."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        report, said = done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        report, said = "", f"no answer within {SECONDS:.0f} s"
    packages = json.loads(report)["dependencies"] if report.startswith("{") else []
    # One that is asked and knows no package at all is a mirror of the files, not the database.
    if any("vulns" in package for package in packages):
        return judged(packages)
    print(said, file=sys.stderr)
    if is_there(database):
        print("pip-audit failed, though the advisory database is there.", file=sys.stderr)
        return 1
    print(f"NOT CHECKED for known weaknesses: nobody answers at {database}.", file=sys.stderr)
    print(f"With a network, run: {sys.executable} {sys.argv[0]}", file=sys.stderr)
    return 0


def judged(packages: list[dict[str, Any]]) -> int:
    """Name the packages with known weaknesses, and those that nothing is known about."""
    weak = [package for package in packages if package.get("vulns")]
    for package in weak:
        for found in package["vulns"]:
            mended = ", ".join(found["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {found['id']}, mended in {mended}")
    for package in packages:
        if "skip_reason" in package:
            print(f"NOT CHECKED: {package['name']}: {package['skip_reason']}", file=sys.stderr)
    print(f"{len(packages)} packages, {len(weak)} with known weaknesses.")
    return 1 if weak else 0


def is_there(database: str) -> bool:
    """Say whether the database answers."""
    try:
        with urllib.request.urlopen(database, timeout=PROBE_SECONDS) as answer:  # noqa: S310  # PyPI's
            return bool(answer.read(1))
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
