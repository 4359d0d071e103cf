"""``python -m benchmarks.fill``: the way in which a trial gets its made-up people."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recognition.sealing import OVERHEAD
from tests.servers import ROOT, Site


@pytest.fixture
def site(tmp_path, networks_dir) -> Site:
    """Return a site without people that is not started."""
    return Site(tmp_path / "site", networks_dir)


def fill(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.fill", "dlib-resnet-v1", *arguments]
    return subprocess.run(command, env=site.environment, cwd=ROOT, capture_output=True, text=True)


def saved(folder: Path, rows: np.ndarray) -> str:
    np.save(folder / "people.npy", rows)
    return str(folder / "people.npy")


def test_people_of_a_file_are_stored_and_found_by_the_server(site, tmp_path):
    people = np.eye(128, dtype=np.float32)[:12]
    done = fill(site, "12", "--templates", saved(tmp_path, people))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(site.folder / "facesite.sqlite3") as database:
        query = "SELECT sealed FROM recognition_persontemplate ORDER BY subject_id"
        rows = [row[0] for row in database.execute(query)]
    assert [len(row) for row in rows] == [4 * 128 + OVERHEAD] * 12
    site.key = done.stdout.strip()
    try:
        assert site.start().call("GET", "/users").json()["count"] == 12
    finally:
        site.stop()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (np.ones((12, 128), np.float32), "not of length 1"),
        (np.eye(128)[:12], "float64"),
        (np.eye(128, dtype=np.float32)[:5], "(5, 128)"),
        (np.eye(512, dtype=np.float32)[:12], "(12, 512)"),
    ],
)
def test_a_file_of_something_else_is_refused(site, tmp_path, rows, said):
    refused = fill(site, "12", "--templates", saved(tmp_path, rows))
    assert refused.returncode == 1 and said in refused.stderr


def test_a_database_with_people_is_not_filled(site):
    assert fill(site, "3").returncode == 0
    refused = fill(site, "3")
    assert refused.returncode == 1 and "name a new one" in refused.stderr
