"""The API with galleries in Milvus: what it answers while Milvus is there, is not, or differs."""

from __future__ import annotations

import pytest

from recognition import runtime
from recognition.gallery import engine as engine_module
from recognition.gallery import milvus as milvus_module
from recognition.gallery.sync import sync
from recognition.models import Gallery, PersonTemplate, Subject
from recognition.runtime import DLIB
from tests.api.conftest import Api, assert_problem
from tests.gallery.milvus_server import MilvusServer


@pytest.fixture(autouse=True)
def on_own_milvus(settings, own_milvus, on_milvus, monkeypatch) -> MilvusServer:
    """Use a Milvus that may be killed, and leave it alone for no more than a moment."""
    settings.MILVUS_URI, settings.MILVUS_TIMEOUT = own_milvus.uri, 1
    monkeypatch.setattr(milvus_module, "REST", 0)
    monkeypatch.setattr(engine_module, "LEAST_KEPT", 0)
    monkeypatch.setattr(engine_module, "SHARE", 0)
    return own_milvus


@pytest.fixture
def barack(api: Api, pictures) -> Api:
    assert api.post("/register", user_id="barack", file=pictures.obama).status_code == 201
    return api


def named(api: Api, picture: bytes) -> list[str]:
    return [match["user_id"] for match in api.post("/identify", file=picture).json()["matches"]]


def test_a_registered_person_is_found_and_an_erased_one_is_not(barack, pictures):
    assert named(barack, pictures.obama2) == ["barack"]
    barack.delete("/unregister/barack")
    assert named(barack, pictures.obama2) == []


def test_inactive_people_are_not_named_until_they_are_active_again(barack, pictures):
    barack.send_json("PATCH", "/users/barack", {"active": False})
    assert named(barack, pictures.obama2) == []
    barack.send_json("PATCH", "/users/barack", {"active": True})
    assert named(barack, pictures.obama2) == ["barack"]


def test_a_deleted_gallery_leaves_milvus(api, pictures):
    api.post("/galleries", name="door")
    api.post("/register", user_id="barack", file=pictures.obama, gallery="door")
    api.delete("/galleries/door?force=true")
    state = runtime.engine().catch_up()
    assert runtime.engine().milvus.collection(state.epoch, DLIB).count() == 0


def test_identify_says_when_milvus_is_not_there(barack, pictures, own_milvus):
    own_milvus.kill()
    answer = barack.post("/identify", file=pictures.obama2)
    problem = assert_problem(answer, 503, "not_ready")
    assert (problem["retry_after"], "Milvus" in problem["detail"]) == (5, True)


def test_verify_goes_on_without_milvus(barack, pictures, own_milvus):
    own_milvus.kill()
    answer = barack.post("/verify", user_id="barack", file=pictures.obama2)
    assert (answer.status_code, answer.json()["verified"]) == (200, True)


def test_who_is_registered_without_milvus_is_found_when_it_is_back(api, pictures, own_milvus):
    own_milvus.kill()
    done = api.post("/register", user_id="barack", file=pictures.obama)
    assert (done.status_code, done.json()["duplicates_checked"]) == (201, False)
    own_milvus.start()
    assert named(api, pictures.obama2) == ["barack"]


def test_who_is_erased_without_milvus_is_not_named_when_it_is_back(barack, pictures, own_milvus):
    own_milvus.kill()
    assert barack.delete("/unregister/barack").status_code == 200
    own_milvus.start()
    assert named(barack, pictures.obama2) == []


def test_a_duplicate_cannot_be_rejected_without_milvus(barack, pictures, own_milvus):
    own_milvus.kill()
    fields = {"user_id": "joe", "file": pictures.biden, "on_duplicate": "reject"}
    assert_problem(barack.post("/register", **fields), 503, "not_ready")
    assert not Subject.objects.filter(user_id="joe").exists()


def test_duplicates_are_found_in_milvus(barack, pictures):
    done = barack.post("/register", user_id="b", file=pictures.obama2).json()
    assert [one["user_id"] for one in done["possible_duplicates"]] == ["barack"]
    assert done["duplicates_checked"] is True


def test_ready_says_that_milvus_agrees(barack):
    ready = barack.get("/health/ready").json()
    assert (ready["checks"]["engine"], ready["checks"]["gallery"]) == ("ok", "ok")
    row = {"gallery": "default", "embedder": DLIB, "database": 1, "milvus": 1}
    assert row in ready["details"]["engine"]


def test_ready_tells_of_differences_and_stays_ready(barack):
    runtime.publish()
    PersonTemplate.objects.all().delete()
    ready = barack.get("/health/ready")
    assert (ready.status_code, ready.json()["checks"]["engine"]) == (200, "differs")
    sync(runtime.engine())
    assert barack.get("/health/ready").json()["checks"]["engine"] == "ok"


def test_counts_of_other_galleries_are_not_told_to_a_limited_key(barack, make_api, pictures):
    Gallery.objects.create(name="door")
    limited = make_api("read", galleries=("door",)).get("/health/ready").json()
    assert limited["details"]["engine"] == []


def test_ready_says_when_milvus_is_not_there(barack, own_milvus):
    own_milvus.kill()
    problem = assert_problem(barack.get("/health/ready"), 503, "not_ready")
    assert (problem["checks"]["engine"], problem["checks"]["database"]) == ("not ok", "ok")


def test_no_process_keeps_templates_in_memory(barack, pictures):
    assert named(barack, pictures.obama2) == ["barack"]
    assert runtime.follower().version == -1
