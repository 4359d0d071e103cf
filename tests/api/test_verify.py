"""POST /verify: is this the person it is claimed to be (1:1)?"""

from __future__ import annotations

import base64

import pytest

from tests.api.conftest import assert_problem


def test_verify_confirms_the_person_and_shows_its_grounds(ada, api, pictures):
    answer = api.post("/verify", user_id="ada", file=pictures.obama2)
    found = answer.json()
    assert (answer.status_code, found["user_id"], found["verified"]) == (200, "ada", True)
    assert found["similarity"] >= found["threshold"]
    assert (found["threshold_source"], found["faces_found"]) == ("calibration", 1)
    assert found["liveness"] == {"checked": False}
    assert found["model"] == "dlib-resnet-v1" and found["face"]["box"]["width"] > 40


def test_verify_refuses_somebody_else(ada, api, pictures):
    found = api.post("/verify", user_id="ada", file=pictures.biden).json()
    assert found["verified"] is False
    assert found["similarity"] < found["threshold"]


def test_verify_takes_a_threshold_and_json(ada, api, pictures):
    image = base64.b64encode(pictures.obama2).decode()
    body = {"user_id": "ada", "image": image, "threshold": 1}
    found = api.send_json("POST", "/verify", body).json()
    assert (found["verified"], found["threshold"], found["threshold_source"]) == (
        False,
        1.0,
        "request",
    )


def test_verify_of_nobody_known_is_user_not_found(api, pictures):
    answer = api.post("/verify", user_id="nobody", file=pictures.obama)
    assert_problem(answer, 404, "user_not_found")


def test_a_box_may_be_sent_as_text_list_or_object(ada, api, pictures):
    box = api.post("/detect", file=pictures.obama2).json()["faces"][0]["box"]
    image = base64.b64encode(pictures.obama2).decode()
    text = ",".join(str(number) for number in box.values())
    for sent in (text, list(box.values()), box):
        body = {"user_id": "ada", "image": image, "box": sent}
        assert api.send_json("POST", "/verify", body).json()["verified"] is True


def test_a_box_without_a_face_in_it_finds_none(ada, api, pictures):
    answer = api.post("/verify", user_id="ada", file=pictures.obama2, box="0,0,30,30")
    assert_problem(answer, 422, "no_face")


@pytest.mark.parametrize("face", ["1", "7"])
def test_a_face_that_is_not_there_is_refused_by_its_name(ada, api, pictures, face):
    answer = api.post("/verify", user_id="ada", file=pictures.obama2, face=face)
    assert "face" in assert_problem(answer, 400, "invalid_request")["errors"]
