"""POST /compare: do two photographs show one person?"""

from __future__ import annotations

import base64

from tests.api.conftest import assert_problem, stored


def test_compare_tells_one_person_from_two(api, pictures):
    same = api.post("/compare", file1=pictures.obama, file2=pictures.obama2).json()
    other = api.post("/compare", file1=pictures.obama, file2=pictures.biden).json()
    assert (same["verified"], other["verified"]) == (True, False)
    assert same["similarity"] > same["threshold"] == other["threshold"] > other["similarity"]
    assert (len(same["faces"]), same["faces_found"]) == (2, [1, 1])


def test_compare_takes_json_and_stores_nothing(api, pictures):
    before = stored()
    image1, image2 = (base64.b64encode(p).decode() for p in (pictures.obama, pictures.obama2))
    answer = api.send_json("POST", "/compare", {"image1": image1, "image2": image2})
    assert (answer.status_code, answer.json()["verified"]) == (200, True)
    assert stored() == before


def test_compare_names_the_picture_that_cannot_be_used(api, pictures):
    answer = api.post("/compare", file1=pictures.obama, file2=b"no picture")
    assert assert_problem(answer, 415, "unsupported_image")["field"] == "file2"


def test_compare_with_one_picture_names_the_missing_one(api, pictures):
    answer = api.post("/compare", file1=pictures.obama)
    assert set(assert_problem(answer, 400, "invalid_request")["errors"]) == {"file2"}
