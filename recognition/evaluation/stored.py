"""The evaluations that were written to this machine: one folder each, with its report and plots."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.text import slugify

from recognition.errors import RecognitionError

REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Stored:
    """One evaluation: what its folder is called, what it reports, the names of its plots."""

    name: str
    report: dict[str, Any]
    plots: list[str]


def home() -> Path:
    """Return the folder of all of them."""
    return Path(settings.DATA_DIR) / "evaluations"


def new_folder(report: dict[str, Any]) -> Path:
    """Return where a report is written that is to be listed; names sort by time."""
    stamp = report["date"].replace(":", "")
    return home() / f"{stamp}-{slugify(report['data']) or 'data'}"


def write(report: dict[str, Any], folder: Path) -> None:
    """Write a report so that nobody reads half of it."""
    part = folder / f".{REPORT}.part"
    part.write_text(json.dumps(report, indent=1) + "\n")
    os.replace(part, folder / REPORT)


def newest_first() -> list[str]:
    """Return the names of all of them; a folder without a report is none."""
    if not home().is_dir():
        return []
    return sorted((f.name for f in home().iterdir() if (f / REPORT).is_file()), reverse=True)


def find(name: str) -> Stored:
    """Return an evaluation by its folder's name, or raise ``not_found``."""
    if name not in newest_first():  # so that a name leads nowhere else
        hint = "manage.py evaluate writes them."
        raise RecognitionError("not_found", "There is no such evaluation.", hint=hint)
    folder = home() / name
    report = json.loads((folder / REPORT).read_text())
    return Stored(name, report, sorted(path.stem for path in folder.glob("*.png")))


def plot(name: str, shown: str) -> Path:
    """Return the file of a plot, or raise ``not_found``."""
    if shown not in find(name).plots:
        raise RecognitionError("not_found", "There is no such plot.", hint="Reload the page.")
    return home() / name / f"{shown}.png"
