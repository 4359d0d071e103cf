"""DELETE /unregister/{user_id} and DELETE .../references/{id}: erasing, and the crop's picture."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from recognition.models import Reference
from tests.api.conftest import assert_problem, stored


@pytest.fixture
def ada(api, pictures):
    answer = api.post("/register", user_id="ada", file=[pictures.obama, pictures.obama2])
    return [one["reference_id"] for one in answer.json()["accepted"]]


def test_unregister_erases_and_says_how_much(ada, api, pictures):
    answer = api.delete("/unregister/ada")
    gone = answer.json()
    assert (answer.status_code, gone["user_id"]) == (200, "ada")
    assert (gone["erased"]["references"], gone["erased"]["crops"]) == (2, 2)
    assert_problem(api.get("/users/ada"), 404, "user_not_found")
    assert api.post("/identify", file=pictures.obama).json()["matches"] == []


def test_unregister_in_another_gallery_erases_nobody(ada, api):
    api.send_json("POST", "/galleries", {"name": "other"})
    assert_problem(api.delete("/unregister/ada?gallery=other"), 404, "user_not_found")
    assert api.get("/users/ada").status_code == 200


def test_the_last_reference_leaves_a_user_who_is_never_matched(ada, api, pictures):
    for reference_id in ada:
        answer = api.delete(f"/users/ada/references/{reference_id}")
        assert answer.json()["erased"]["references"] == 1
    assert api.get("/users/ada").json()["total_references"] == 0
    assert api.post("/identify", file=pictures.obama).json()["matches"] == []


@pytest.mark.parametrize("path", ["/users/ada/references/{}", "/users/ada/references/{}/crop"])
@pytest.mark.parametrize("odd", ["x", "00000000-0000-0000-0000-000000000000", "%00", "1" * 400])
def test_odd_references_are_not_found(ada, api, path, odd):
    before = stored()
    method = "GET" if path.endswith("crop") else "DELETE"
    assert_problem(api.call(method, path.format(odd)), 404, "not_found")
    assert stored() == before


def test_a_reference_of_somebody_else_is_not_found(ada, api, pictures):
    api.post("/register", user_id="bob", file=pictures.biden)
    assert_problem(api.delete(f"/users/bob/references/{ada[0]}"), 404, "not_found")
    assert_problem(api.get(f"/users/bob/references/{ada[0]}/crop"), 404, "not_found")


def test_the_crop_is_a_jpeg_that_nobody_may_cache(ada, api):
    answer = api.get(f"/users/ada/references/{ada[0]}/crop")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert answer["Cache-Control"] == "no-store"
    assert Image.open(BytesIO(answer.content)).format == "JPEG"


def test_no_crop_kept_is_not_found(ada, api):
    Reference.objects.update(sealed_crop=None)
    assert_problem(api.get(f"/users/ada/references/{ada[0]}/crop"), 404, "not_found")
    assert api.get("/users/ada").json()["references"][0]["has_crop"] is False
