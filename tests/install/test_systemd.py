"""The systemd units of deploy/systemd, read: no systemd is needed."""

from __future__ import annotations

import re
from configparser import RawConfigParser
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.install.test_packaging import names_in_settings
from tests.servers import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
EACH = pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)


def unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(delimiters="=")
    parser.optionxform = str  # type: ignore[assignment]  # names keep their case
    parser.read(path)
    return parser


@EACH
def test_a_unit_runs_commands_that_exist(path):
    service = unit(path)["Service"]
    lines = [line for name, line in service.items() if name.startswith("ExecStart")]
    assert lines and all(line.split()[0] == "/opt/facesite/.venv/bin/python" for line in lines)
    assert {line.split()[2] for line in lines} <= set(get_commands())


@EACH
def test_a_unit_gives_settings_that_exist(path):
    given = [pair.partition("=")[0] for pair in unit(path)["Service"]["Environment"].split()]
    assert given and set(given) <= names_in_settings()


@EACH
def test_a_unit_gives_the_service_nothing_but_its_data_folder(path):
    service = unit(path)["Service"]
    assert service["User"] == "facesite" and service["ProtectSystem"] == "strict"
    assert service["StateDirectory"] == "facesite" and service["CapabilityBoundingSet"] == ""
    assert service["Environment"].startswith("FACESITE_DATA_DIR=/var/lib/facesite")


def test_requests_may_end_before_the_service_is_killed():
    server = (ROOT / "facesite" / "gunicorn.py").read_text()
    patience = re.search(r"^graceful_timeout = (\d+)", server, re.MULTILINE)
    stop = unit(ROOT / "deploy" / "systemd" / "facesite.service")["Service"]["TimeoutStopSec"]
    assert patience and int(stop) > int(patience[1])
