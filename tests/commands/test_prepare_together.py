"""``prepare`` on several machines that start at once on one PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, PostgresServer

MACHINES = 3


@pytest.mark.slow
def test_machines_that_start_at_once_make_tables_and_first_key_once(
    postgres: PostgresServer, networks_dir: Path, tmp_path: Path
):
    url = postgres.create("together")
    command = [sys.executable, str(ROOT / "manage.py"), "prepare", "--offline"]
    environments = [
        {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATABASE_URL": url}
        | {"FACESITE_ENV_FILE": os.devnull, "FACESITE_DATA_DIR": str(tmp_path / str(number))}
        | {"FACESITE_NETWORKS_DIR": str(networks_dir), "FACE_MODEL": "dlib-resnet-v1"}
        for number in range(MACHINES)
    ]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = [subprocess.Popen(command, env=each, **options) for each in environments]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0] * MACHINES, said
    for once in ("migrations applied", "administrator: admin", "API key: made"):
        assert sum(once in each for each in said) == 1, said
