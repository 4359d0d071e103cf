"""What ``make check`` makes of pip-audit's answers, of none, and of a network that is not there."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, free_port

main = runpy.run_path(str(ROOT / ".ci" / "advisories.py"))["main"]
NOWHERE = f"http://127.0.0.1:{free_port()}/"
WEAK = {"id": "PYSEC-1", "fix_versions": ["2"], "aliases": []}


def saying(text: str, status: int) -> tuple[str, ...]:
    """Return a command that says ``text`` as pip-audit does."""
    return (sys.executable, "-c", f"import sys; print({text!r}); sys.exit({status})")


def reporting(*weaknesses: object) -> tuple[str, ...]:
    package = {"name": "pillow", "version": "1", "vulns": list(weaknesses)}
    return saying(json.dumps({"dependencies": [package], "fixes": []}), int(bool(weaknesses)))


def test_a_known_weakness_fails_the_check_and_is_named(capsys):
    assert main(reporting(WEAK), NOWHERE) == 1
    assert "pillow 1: PYSEC-1, mended in 2" in capsys.readouterr().out


def test_no_known_weakness_passes(capsys):
    assert main(reporting(), NOWHERE) == 0
    assert "1 packages, 0 with known weaknesses" in capsys.readouterr().out


@pytest.mark.parametrize("there", [False, True], ids=["no network", "network"])
def test_no_answer_is_a_failure_only_where_the_database_is_there(capsys, there):
    database = Path(__file__).as_uri() if there else NOWHERE
    assert main(saying("no report", 1), database) == int(there)
    assert ("NOT CHECKED" in capsys.readouterr().err) is not there


MINE = {"name": "mine", "skip_reason": "Dependency not found on PyPI"}


def test_what_was_not_found_is_named(capsys):
    packages = [MINE, {"name": "pillow", "version": "1", "vulns": []}]
    assert main(saying(json.dumps({"dependencies": packages}), 0), NOWHERE) == 0
    assert "NOT CHECKED: mine" in capsys.readouterr().err


def test_where_no_package_is_known_nothing_was_checked(capsys):
    assert main(saying(json.dumps({"dependencies": [MINE]}), 0), NOWHERE) == 0
    assert "NOT CHECKED for known weaknesses" in capsys.readouterr().err
