"""POST /register: photographs become references."""

from __future__ import annotations

import base64

import pytest

from recognition.models import Reference, Subject
from tests.api.conftest import assert_problem, stored
from tests.api.test_bad_input import two_faces
from tests.conftest import blank

SHAPE = {
    "user_id",
    "message",
    "dry_run",
    "accepted",
    "rejected",
    "possible_duplicates",
    "duplicates_checked",
    "total_references",
    "model",
}


def test_register_answers_what_became_of_each_picture(api, pictures):
    answer = api.post("/register", user_id="ada", file=[pictures.obama, pictures.obama2])
    registered = answer.json()
    assert (answer.status_code, set(registered)) == (201, SHAPE)
    assert [one["index"] for one in registered["accepted"]] == [0, 1]
    assert (registered["rejected"], registered["total_references"]) == ([], 2)
    assert set(registered["accepted"][0]["face"]) == {
        "box",
        "landmarks",
        "detection_probability",
        "quality",
    }


def test_register_keeps_the_usable_pictures_and_says_why_not_the_others(api, pictures):
    answer = api.post("/register", user_id="ada", file=[b"no picture", pictures.obama])
    registered = answer.json()
    assert answer.status_code == 201
    assert [one["index"] for one in registered["accepted"]] == [1]
    refused = registered["rejected"][0]
    assert (refused["index"], refused["code"]) == (0, "unsupported_image")
    assert set(refused) >= {"filename", "detail", "measured", "limit", "hint"}


def test_register_without_a_usable_picture_changes_nothing(api):
    before = stored()
    answer = api.post("/register", user_id="ada", file=[b"no picture", b""])
    problem = assert_problem(answer, 415, "unsupported_image")
    assert [one["index"] for one in problem["rejected"]] == [0, 1]
    assert stored() == before


def test_register_twice_with_one_picture_adds_nothing(api, pictures):
    first = api.post("/register", user_id="ada", file=pictures.obama).json()
    answer = api.post("/register", user_id="ada", file=pictures.obama)
    again = answer.json()["accepted"][0]
    assert (answer.status_code, again["new"]) == (201, False)
    assert again["reference_id"] == first["accepted"][0]["reference_id"]
    assert Reference.objects.count() == 1


def test_a_dry_run_is_200_and_changes_nothing(api, pictures):
    before = stored()
    answer = api.post("/register", user_id="ada", file=pictures.obama, dry_run="true")
    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
    assert stored() == before


def test_register_takes_name_and_metadata_from_a_form(api, pictures):
    fields = {"user_id": "ada", "display_name": "Ada L.", "metadata": '{"team": "A"}'}
    assert api.post("/register", file=pictures.obama, **fields).status_code == 201
    subject = Subject.objects.get()
    assert (subject.display_name, subject.metadata) == ("Ada L.", {"team": "A"})


def test_register_takes_user_id_from_the_query(api, pictures):
    answer = api.post("/register?user_id=ada", file=pictures.obama)
    assert (answer.status_code, answer.json()["user_id"]) == (201, "ada")


@pytest.mark.parametrize("data_url", [False, True])
def test_register_takes_pictures_from_json(api, pictures, data_url):
    start = "data:image/jpeg;base64," if data_url else ""
    images = [start + base64.b64encode(one).decode() for one in (pictures.obama, pictures.obama2)]
    body = {"user_id": "ada", "images": images, "metadata": {"team": "A"}, "display_name": None}
    answer = api.send_json("POST", "/register", body)
    assert (answer.status_code, answer.json()["total_references"]) == (201, 2)
    assert Subject.objects.get().metadata == {"team": "A"}


def test_replace_erases_the_references_that_were_there(api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama)
    answer = api.post("/register", user_id="ada", file=pictures.obama2, replace="true")
    assert (answer.status_code, answer.json()["total_references"]) == (201, 1)


def test_replace_wants_the_scope_delete(api, make_api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama)
    before = stored()
    answer = make_api("register").post(
        "/register", user_id="ada", file=pictures.obama2, replace="true"
    )
    assert "'delete'" in assert_problem(answer, 403, "permission_denied")["detail"]
    assert stored() == before


def test_a_known_face_under_another_id_is_flagged_or_refused(api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama)
    flagged = api.post("/register", user_id="bob", file=pictures.obama2, dry_run="1").json()
    assert [one["user_id"] for one in flagged["possible_duplicates"]] == ["ada"]
    answer = api.post("/register", user_id="bob", file=pictures.obama2, on_duplicate="reject")
    problem = assert_problem(answer, 409, "duplicate_face")
    assert problem["possible_duplicates"][0]["user_id"] == "ada"


def test_ten_pictures_are_taken_and_eleven_refused(api, pictures):
    ten = api.post("/register", user_id="ada", file=[pictures.obama] * 10, dry_run="true")
    assert (ten.status_code, len(ten.json()["accepted"])) == (200, 10)
    problem = assert_problem(
        api.post("/register", user_id="ada", file=[pictures.obama] * 11), 400, "invalid_request"
    )
    assert "11" in problem["errors"]["file"][0]


def test_one_of_several_faces_is_registered_where_it_is_named(api, pictures):
    answer = api.post("/register", user_id="ada", file=two_faces(pictures.obama), face="1")
    assert (answer.status_code, answer.json()["total_references"]) == (201, 1)


def test_of_all_refusals_the_first_about_a_face_is_answered(api):
    answer = api.post("/register", user_id="ada", file=[b"no picture", blank()])
    problem = assert_problem(answer, 422, "no_face")
    assert [one["code"] for one in problem["rejected"]] == ["unsupported_image", "no_face"]
