"""The services once more, on a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SUITES = [
    "tests/imports/test_imports.py",
    "tests/imports/test_zip.py",
    "tests/services",
    "tests/admin/test_erasing.py",
    "tests/api/test_queries.py",
    "tests/api/test_users.py",
    "tests/test_changelog.py",
]


@pytest.mark.slow
def test_services_pass_on_postgresql(postgres, networks_dir):
    environment = {**os.environ, "FACESITE_TEST_DATABASE_URL": postgres.create("services")}
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *SUITES]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
