"""Facesite as its users run it, with galleries in a Milvus that several processes share."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gallery.milvus_server import MilvusServer
from tests.processes.test_processes import WRITER, names, stale_answers
from tests.servers import ROOT, Site

pytestmark = pytest.mark.slow
#: What asks Milvus or writes to it; on PostgreSQL alone all services run (tests/test_postgres.py).
SUITES = [
    *("tests/services/test_erase.py", "tests/services/test_recognise.py"),
    *("tests/services/test_register.py", "tests/services/test_reembed.py"),
    *("tests/services/test_consent.py", "tests/services/test_likeness.py"),
    *("tests/admin/test_erasing.py", "tests/commands/test_sync_gallery.py"),
]


@pytest.fixture
def make_milvus_site(make_site, own_milvus) -> Callable[..., Site]:
    """Return a function that starts Facesite with its galleries in this test's own Milvus."""
    settings = {"GALLERY_ENGINE": "milvus", "MILVUS_URI": own_milvus.uri}
    settings["MILVUS_TURN_KEY"] = "one key for all machines of a test"
    return lambda **environment: make_site(**settings, **environment)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_two_machines_never_give_a_stale_answer(make_milvus_site, photos, request, engine):
    environment = {}
    if engine == "postgresql":
        environment["DATABASE_URL"] = request.getfixturevalue("postgres").create("two_machines")
    first = make_milvus_site(**environment)
    environment.setdefault("DATABASE_URL", f"sqlite:///{first.folder}/facesite.sqlite3")
    second = make_milvus_site(**environment)
    second.key = first.key
    assert stale_answers([first, second], photos, 20) == 0


def test_milvus_killed_and_back_loses_nobody(make_milvus_site, photos, own_milvus):
    site = make_milvus_site()
    assert stale_answers([site, site], photos, 2) == 0
    own_milvus.kill()
    assert site.post_photo("/register", photos.obama, user_id="barack").status_code == 201
    assert site.post_photo("/identify", photos.obama2).json()["code"] == "not_ready"
    own_milvus.start()
    assert answered_in_time(site, photos.obama2) == ["barack"]


def answered_in_time(site: Site, photo: Path) -> list[str]:
    """Return who is named once Milvus is no longer left alone."""
    deadline = time.monotonic() + 10
    while site.post_photo("/identify", photo).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.5)
    return names(site, photo)


def test_a_machine_with_another_key_is_refused(make_milvus_site, make_site, photos, own_milvus):
    first = make_milvus_site()
    names(first, photos.obama)
    database = f"sqlite:///{first.folder}/facesite.sqlite3"
    settings = {"GALLERY_ENGINE": "milvus", "MILVUS_URI": own_milvus.uri, "DATABASE_URL": database}
    problem = make_site(**settings).post_photo("/identify", photos.obama).json()
    assert (problem["code"], "MILVUS_TURN_KEY" in problem["detail"]) == ("not_ready", True)


def test_processes_that_write_at_once_leave_no_difference(make_milvus_site, postgres):
    site = make_milvus_site(DATABASE_URL=postgres.create("write_to_milvus"))
    commands = [[sys.executable, str(WRITER), str(first), "50"] for first in range(0, 200, 50)]
    environment = {**site.environment, "PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen(c, env=environment, stderr=subprocess.PIPE) for c in commands]
    errors = [writer.communicate(timeout=300)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0], errors
    assert site.manage("sync_gallery", "--dry-run") == "No difference was found.\n"
    row = {"gallery": "default", "embedder": "dlib-resnet-v1", "database": 200, "milvus": 200}
    assert row in site.call("GET", "/health/ready").json()["details"]["engine"]


def test_a_row_erased_by_sql_is_told_and_mended(make_milvus_site, photos):
    site = make_milvus_site()
    for name in ("barack", "joe"):
        assert site.post_photo("/register", photos.obama, user_id=name).status_code == 201
    with sqlite3.connect(site.folder / "facesite.sqlite3") as database:
        database.execute("DELETE FROM recognition_persontemplate WHERE subject_id = 1")
        database.execute("DELETE FROM recognition_reference WHERE subject_id = 1")
        database.execute("DELETE FROM recognition_subject WHERE id = 1")
    database.close()
    assert names(site, photos.obama2) == ["joe"]
    assert site.call("GET", "/health/ready").json()["checks"]["engine"] == "differs"
    site.manage("sync_gallery", "--dry-run", status=1)
    assert "not in the database: 1" in site.manage("sync_gallery")
    assert site.manage("sync_gallery", "--dry-run") == "No difference was found.\n"


def test_redis_gets_no_copy_of_the_templates(make_milvus_site, photos, redis_server):
    site = make_milvus_site(REDIS_URL=redis_server.url, RATE_IDENTIFY="100/m")
    site.post_photo("/register", photos.obama, user_id="barack")
    assert names(site, photos.obama2) == ["barack"]
    keys = redis_server.client().keys()
    assert keys and not [key for key in keys if b"dlib" in key or b"version" in key]


def test_services_pass_on_milvus_and_postgresql(milvus: MilvusServer, postgres, networks_dir):
    environment = {**os.environ, "FACESITE_TEST_MILVUS_URI": milvus.uri}
    environment["FACESITE_TEST_DATABASE_URL"] = postgres.create("services_on_milvus")
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *SUITES]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
