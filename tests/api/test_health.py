"""GET /health and /health/ready: for probes, without a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import OperationalError, connection

from recognition import runtime, vault
from recognition.models import Gallery
from recognition.networks.store import NetworkStore
from tests.api.conftest import assert_problem


def test_health_answers_without_a_key_and_without_a_database(client):
    answer = client.get("/health")  # no `db` fixture: a query would fail
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy"})


def test_ready_names_the_embedder_and_each_part(anonymous):
    ready = anonymous.get("/health/ready").json()
    assert ready["status"] == "ready"
    assert ready["checks"] == {
        "database": "ok",
        "redis": "off",
        "networks": "ok",
        "gallery": "ok",
        "keys": "ok",
        "engine": "off",
    }
    assert (ready["embedder"], ready["face_model"]) == ("dlib-resnet-v1", "auto")


def test_sizes_and_versions_are_for_readers_alone(anonymous, make_api, staff):
    assert "details" not in anonymous.get("/health/ready").json()
    assert "details" not in make_api("identify").get("/health/ready").json()
    details = make_api("read").get("/health/ready").json()["details"]
    assert (details["users"], details["packages"]["django"][:2]) == (0, "5.")
    assert "details" in staff("view_subject").get("/health/ready").json()


def test_a_limited_key_is_told_of_its_own_galleries_alone(ada, make_api):
    Gallery.objects.create(name="door")
    details = make_api("read", galleries=("door",)).get("/health/ready").json()["details"]
    assert (details["galleries"], details["users"], details["references"]) == (1, 0, 0)


def test_missing_networks_are_not_ready(anonymous, monkeypatch):
    monkeypatch.setattr(runtime, "store", lambda: NetworkStore([Path("/nowhere")]))
    for built in (runtime.extractor, runtime.network):
        built.cache_clear()
    problem = assert_problem(anonymous.get("/health/ready"), 503, "not_ready")
    assert (problem["checks"]["networks"], problem["checks"]["database"]) == ("not ok", "ok")


def test_another_master_key_is_not_ready(anonymous, register, settings, tmp_path):
    register("barack", "obama")
    assert anonymous.get("/health/ready").json()["checks"]["keys"] == "ok"
    settings.FACE_MASTER_KEY_FILE = tmp_path / "other.key"
    vault.master.make(settings.FACE_MASTER_KEY_FILE)
    problem = assert_problem(anonymous.get("/health/ready"), 503, "not_ready")
    assert problem["checks"]["keys"] == "not ok" and "cannot be opened" in problem["detail"]


def test_a_master_key_that_may_not_be_read_is_not_ready(anonymous, register, settings, tmp_path):
    register("barack", "obama")
    settings.FACE_MASTER_KEY_FILE = tmp_path  # a folder: root may read any file
    problem = assert_problem(anonymous.get("/health/ready"), 503, "not_ready")
    assert problem["checks"]["keys"] == "not ok"


def no_database(*_: object) -> None:
    raise OperationalError("gone")


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_database_that_is_lost_is_not_ready(anonymous, key):
    with connection.execute_wrapper(no_database):
        answer = anonymous.get("/health/ready", headers={"X-API-Key": key})
    assert assert_problem(answer, 503, "not_ready")["checks"]["database"] == "not ok"


def test_a_redis_that_is_lost_is_told_and_does_no_harm(anonymous, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CACHES = {
        "default": settings.LOCAL_CACHE,
        "redis": {**settings.REDIS_CACHE, "LOCATION": settings.REDIS_URL},
    }
    ready = anonymous.get("/health/ready")
    assert (ready.status_code, ready.json()["checks"]["redis"]) == (200, "not ok")
