"""The tables that are written from the code: ``python -m docs.tables``.

docs/settings.md is made from ``.env.example``, which a test compares with the settings that are
read; the table of error codes in docs/troubleshooting.md from ``recognition/errors.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from recognition.errors import PROBLEMS

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / ".env.example"
SETTINGS = ROOT / "docs" / "settings.md"
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
BEGIN, END = "<!-- codes -->\n", "<!-- end of codes -->\n"

SECTION = re.compile(r"# --- (.+) ---")
SETTING = re.compile(r"# ([A-Z][A-Z0-9_]*)=(.*)")
HEAD = """# Settings

From the environment or from `.env` beside `manage.py`; the environment wins. Every `NAME` may also
be given as `NAME_FILE`: the content of that file is the value. `manage.py check` refuses what makes
no sense. Written from [`.env.example`](../.env.example) by `python -m docs.tables`.
"""
COLUMNS = "| name | default, or an example | meaning |\n|---|---|---|\n"
CODES = "| code | status | what it says | remedy |\n|---|---|---|---|\n"


@dataclass(slots=True)
class Row:
    """Settings that are explained together: their names, values and what is said of them."""

    said: str
    names: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def as_text(self) -> str:
        values = ", ".join(f"`{value}`" if value else "none" for value in self.values)
        names = ", ".join(f"`{name}`" for name in self.names)
        return f"| {names} | {escaped(values)} | {escaped(self.said)} |\n"


def escaped(text: str) -> str:
    """Return text for a cell of a table."""
    return text.replace("|", "\\|")


def sections(example: str) -> dict[str, list[Row]]:
    """Return the rows of each section of ``.env.example``.

    Comments are about the settings that follow, up to the next comment.
    """
    found: dict[str, list[Row]] = {}
    said: list[str] = []
    rows: list[Row] = []
    for line in example.splitlines():
        if section := SECTION.fullmatch(line):
            rows = found[section[1]] = []
        elif setting := SETTING.fullmatch(line):
            if said or not rows:
                rows.append(Row(" ".join(said)))
            said = []
            rows[-1].names.append(setting[1])
            rows[-1].values.append(setting[2])
        elif found and line.startswith("# "):
            said.append(line.removeprefix("# "))
    return found


def settings_page() -> str:
    """Return docs/settings.md."""
    parts = [
        f"\n## {title}\n\n{COLUMNS}{''.join(row.as_text() for row in rows)}"
        for title, rows in sections(EXAMPLE.read_text()).items()
    ]
    return HEAD + "".join(parts)


def codes_table() -> str:
    """Return every error code with what it means and what to do about it."""
    lines = (
        f"| `{code}` | {problem.status} | {escaped(problem.title)} | {escaped(problem.remedy)} |\n"
        for code, problem in PROBLEMS.items()
    )
    return CODES + "".join(lines)


def troubleshooting_page() -> str:
    """Return docs/troubleshooting.md with the table of today."""
    before, _, rest = TROUBLESHOOTING.read_text().partition(BEGIN)
    return f"{before}{BEGIN}{codes_table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    SETTINGS.write_text(settings_page())
    TROUBLESHOOTING.write_text(troubleshooting_page())
