"""Tables that are written from the code say what the code says today."""

from __future__ import annotations

import re

from docs import tables
from recognition.errors import PROBLEMS
from tests.docs.documents import ROOT
from tests.install.test_packaging import names_in_settings

README = (ROOT / "README.md").read_text()


def settings_in(text: str) -> set[str]:
    """Return the names in the first column of tables."""
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cell)}


def test_the_table_of_settings_is_that_of_today():
    """If not: ``python -m docs.tables``."""
    assert tables.SETTINGS.read_text() == tables.settings_page()


def test_the_table_lists_every_setting_that_is_read_and_no_other():
    assert settings_in(tables.settings_page()) == names_in_settings()


def test_every_setting_has_a_meaning():
    rows = [row for rows in tables.sections(tables.EXAMPLE.read_text()).values() for row in rows]
    assert [row.names for row in rows if not row.said] == []


def test_the_readme_names_settings_that_are_read():
    used = settings_in(README.partition("## Settings")[2].partition("\n## ")[0])
    assert len(used) > 10 and used <= names_in_settings()


def test_the_table_of_error_codes_is_that_of_today():
    """If not: ``python -m docs.tables``."""
    assert tables.TROUBLESHOOTING.read_text() == tables.troubleshooting_page()


def test_the_table_has_a_remedy_for_every_code():
    table = tables.codes_table()
    assert all(f"| `{code}` | {problem.status} |" in table for code, problem in PROBLEMS.items())
    assert all(problem.remedy in table for problem in PROBLEMS.values())
