"""GET, POST and DELETE /galleries, and keys that are limited to some."""

from __future__ import annotations

import pytest

from tests.api.conftest import assert_problem, stored


@pytest.fixture
def other(api):
    answer = api.send_json("POST", "/galleries", {"name": "other"})
    assert (answer.status_code, answer.json()["name"]) == (201, "other")


def names(api) -> list[str]:
    return [gallery["name"] for gallery in api.get("/galleries").json()]


def test_galleries_are_listed_with_their_users(other, api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama, gallery="other")
    found = {gallery["name"]: gallery["users"] for gallery in api.get("/galleries").json()}
    assert found == {"default": 0, "other": 1}


def test_a_person_is_known_in_their_own_gallery_alone(other, api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama, gallery="other")
    assert api.post("/identify", file=pictures.obama2).json()["matches"] == []
    found = api.post("/identify?gallery=other", file=pictures.obama2).json()
    assert found["matches"][0]["user_id"] == "ada"


@pytest.mark.parametrize("name", ["", "A", "a b", "a" * 65, "../x", "é", "other"])
def test_odd_or_taken_names_are_refused(other, api, name):
    before = stored()
    answer = api.send_json("POST", "/galleries", {"name": name})
    assert "name" in assert_problem(answer, 400, "invalid_request")["errors"]
    assert stored() == before


def test_a_gallery_with_people_wants_force(other, api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama, gallery="other")
    before = stored()
    assert_problem(api.delete("/galleries/other"), 409, "gallery_not_empty")
    assert_problem(api.delete("/galleries/other?force=false"), 409, "gallery_not_empty")
    assert stored() == before
    answer = api.delete("/galleries/other?force=true")
    assert (answer.status_code, answer.json()["erased"]["subjects"]) == (200, 1)
    assert names(api) == ["default"]


def test_default_is_emptied_and_stays(api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama)
    assert api.delete("/galleries/default?force=true").json()["erased"]["references"] == 1
    assert names(api) == ["default"]


def test_a_gallery_nobody_has_is_not_found(api, pictures):
    assert_problem(api.delete("/galleries/none?force=true"), 404, "gallery_not_found")
    assert_problem(api.get("/users?gallery=none"), 404, "gallery_not_found")
    answer = api.post("/register", user_id="ada", file=pictures.obama, gallery="none")
    assert_problem(answer, 404, "gallery_not_found")


CALLS = [
    ("GET", "/users?gallery=other"),
    ("GET", "/users/ada?gallery=other"),
    ("PATCH", "/users/ada?gallery=other"),
    ("DELETE", "/unregister/ada?gallery=other"),
    ("DELETE", "/users/ada/references/x?gallery=other"),
    ("GET", "/users/ada/references/x/crop?gallery=other"),
    ("DELETE", "/galleries/other"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_key_for_one_gallery_may_not_use_another(other, make_api, method, path):
    limited = make_api("register", "read", "delete", galleries=("default",))
    assert_problem(limited.call(method, path), 403, "permission_denied")


@pytest.mark.parametrize("path", ["/register", "/verify", "/identify", "/detect", "/compare"])
def test_a_key_for_one_gallery_sends_no_picture_to_another(other, make_api, pictures, path):
    limited = make_api("register", "verify", "identify", galleries=("default",))
    files = {"file1": pictures.obama, "file2": pictures.obama} if path == "/compare" else None
    fields = files or {"file": pictures.obama}
    if path in {"/register", "/verify"}:
        fields["user_id"] = "ada"
    answer = limited.post(path, gallery="other", **fields)
    assert_problem(answer, 403, "permission_denied")


def test_a_key_for_one_gallery_sees_and_makes_no_other(other, make_api):
    limited = make_api("register", "read", galleries=("other",))
    assert names(limited) == ["other"]
    answer = limited.send_json("POST", "/galleries", {"name": "third"})
    assert_problem(answer, 403, "permission_denied")
    assert_problem(limited.get("/users"), 403, "permission_denied")
