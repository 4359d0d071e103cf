"""POST /identify: who is in a photograph (1:N)?"""

from __future__ import annotations

import base64
from io import BytesIO

import pytest

from recognition.api import serializers
from recognition.pipeline import detect
from tests.api.conftest import assert_problem
from tests.conftest import blank
from tests.pipeline import faces

SHAPE = {
    "faces",
    "matches",
    "principal",
    "total_registered_faces",
    "threshold",
    "threshold_source",
    "expected",
    "calibration",
    "warning",
    "conflicts",
    "decision_id",
    "message",
    "model",
    "timings_ms",
}


@pytest.fixture
def ada(api, pictures):
    answer = api.post("/register", user_id="ada", display_name="Ada", file=pictures.obama)
    assert answer.status_code == 201


def test_identify_names_the_person_and_shows_its_grounds(ada, api, pictures):
    answer = api.post("/identify", file=pictures.obama2)
    found = answer.json()
    assert (answer.status_code, set(found)) == (200, SHAPE)
    assert (found["faces"][0]["status"], found["total_registered_faces"]) == ("match", 1)
    match = found["matches"][0]
    assert (match["user_id"], match["display_name"]) == ("ada", "Ada")
    assert match["similarity"] >= found["threshold"]
    assert set(found["timings_ms"]) >= {"decode", "detect", "embed", "search"}


def test_a_stranger_is_unknown_and_has_no_matches(ada, api, pictures):
    found = api.post("/identify", file=pictures.biden).json()
    face = found["faces"][0]
    assert (face["status"], face["matches"], face["candidates"]) == ("unknown", [], [])
    assert found["matches"] == []


def test_candidates_list_the_nearest_below_the_threshold(ada, api, pictures):
    found = api.post("/identify?candidates=3", file=pictures.biden).json()
    assert [one["user_id"] for one in found["faces"][0]["candidates"]] == ["ada"]


def test_candidates_want_the_scope_read(ada, make_api, pictures):
    answer = make_api("identify").post("/identify", file=pictures.biden, candidates="3")
    assert "'read'" in assert_problem(answer, 403, "permission_denied")["detail"]


def test_no_face_is_a_result_and_no_error(ada, api):
    answer = api.post("/identify", file=blank())
    assert (answer.status_code, answer.json()["faces"], answer.json()["principal"]) == (
        200,
        [],
        None,
    )
    assert answer.json()["message"] == "No face was found."


def test_identify_takes_json(ada, api, pictures):
    body = {"image": base64.b64encode(pictures.obama2).decode(), "limit": 1}
    assert api.send_json("POST", "/identify", body).json()["matches"][0]["user_id"] == "ada"


def test_the_same_call_answers_under_api_v1(ada, api, pictures):
    answer = api.post("/api/v1/identify", file=pictures.obama2)
    assert answer.json()["matches"][0]["user_id"] == "ada"


def test_a_face_under_min_face_size_is_not_searched(ada, api, pictures):
    found = api.post("/identify", file=pictures.obama2, min_face_size="400").json()
    assert [face["status"] for face in found["faces"]] == ["not_searched"]
    assert found["matches"] == []


def test_no_answer_holds_an_embedding(ada, api, pictures):
    answer = api.post("/identify", file=pictures.obama2, candidates="1")
    assert b"embedding" not in answer.content and len(answer.content) < 3000


def test_a_crowd_is_looked_at_up_to_a_number_and_told_so(api, monkeypatch):
    monkeypatch.setattr(detect, "MAX_FACES", 2)
    monkeypatch.setattr(serializers, "MAX_FACES", 2)
    buffer = BytesIO()
    faces.collage(4, 1300).convert("RGB").save(buffer, "JPEG")
    found = api.post("/identify", file=buffer.getvalue()).json()
    assert len(found["faces"]) == 2
    assert found["message"].endswith("There may be more: no more are looked at.")


def test_fifty_matches_and_twenty_candidates_may_be_asked_for(ada, api, pictures):
    answer = api.post("/identify", file=pictures.obama2, limit="50", candidates="20")
    assert answer.status_code == 200
