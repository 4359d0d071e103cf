"""Several processes on one gallery never contradict each other, and lose nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

WRITER = Path(__file__).with_name("write_many.py")


def names(site, photo: Path) -> list[str]:
    answer = site.post_photo("/identify", photo)
    assert answer.status_code == 200, answer.text
    return [match["user_id"] for match in answer.json()["matches"]]


def stale_answers(sites, photos, rounds: int) -> int:
    """Register in one process and ask in the other, unregister there and ask here."""
    stale = 0
    for round_ in range(rounds):
        one, other = sites if round_ % 2 else reversed(sites)
        assert one.post_photo("/register", photos.obama, user_id="barack").status_code == 201
        stale += names(other, photos.obama2) != ["barack"]
        assert one.call("DELETE", "/unregister/barack").status_code == 200
        stale += names(other, photos.obama2) != []
    return stale


@pytest.mark.slow
@pytest.mark.parametrize(("with_redis", "rounds"), [(False, 50), (True, 25)])
def test_two_processes_never_give_a_stale_answer(
    make_site, photos, redis_server, with_redis, rounds
):
    environment = {"REDIS_URL": redis_server.url} if with_redis else {}
    first = make_site(**environment)
    second = make_site(
        **environment,
        DATABASE_URL=f"sqlite:///{first.folder}/facesite.sqlite3",
        KEYS_DATABASE_URL=f"sqlite:///{first.folder}/keys.sqlite3",
        FACE_MASTER_KEY_FILE=f"{first.folder}/master.key",
    )
    second.key = first.key
    assert stale_answers([first, second], photos, rounds) == 0


@pytest.mark.slow
def test_redis_killed_and_back_in_mid_run_changes_no_answer(make_site, photos, redis_server):
    site = make_site(REDIS_URL=redis_server.url)
    assert stale_answers([site, site], photos, 3) == 0
    redis_server.kill()
    assert stale_answers([site, site], photos, 5) == 0
    redis_server.start()
    assert stale_answers([site, site], photos, 5) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "each"), [("sqlite", 200), ("postgresql", 50)])
def test_four_processes_write_at_once_and_lose_nobody(make_site, request, engine, each):
    environment = {}
    if engine == "postgresql":
        environment["DATABASE_URL"] = request.getfixturevalue("postgres").create("write_many")
    site = make_site(**environment)
    firsts = range(0, 4 * each, each)
    commands = [[sys.executable, str(WRITER), str(first), str(each)] for first in firsts]
    environment = {**site.environment, "PYTHONPATH": str(WRITER.parents[2])}
    writers = [
        subprocess.Popen(c, env=environment, stderr=subprocess.PIPE, text=True) for c in commands
    ]
    errors = [writer.communicate(timeout=300)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0], errors
    assert site.call("GET", "/users?page_size=1").json()["count"] == 4 * each


@pytest.mark.slow
def test_every_201_survives_kill_9(make_site, photos):
    site = make_site(WEB_CONCURRENCY="2")
    acknowledged: list[str] = []

    def client(name: str) -> None:
        for number in range(15):
            try:
                answer = site.post_photo("/register", photos.obama, user_id=f"{name}-{number}")
            except requests.ConnectionError:
                continue
            if answer.status_code == 201:
                acknowledged.append(f"{name}-{number}")

    clients = [threading.Thread(target=client, args=(name,)) for name in "abcd"]
    for thread in clients:
        thread.start()
    for _ in range(3):
        time.sleep(1)
        os.kill(site.workers()[0], signal.SIGKILL)
    for thread in clients:
        thread.join()
    there = [site.call("GET", f"/users/{name}").status_code for name in acknowledged]
    assert acknowledged and set(there) == {200}


def test_the_serving_process_never_imports_torch(make_site, photos):
    site = make_site()
    assert site.post_photo("/identify", photos.obama).status_code == 200
    maps = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in site.workers())
    assert "onnxruntime" in maps
    assert "libtorch" not in maps
