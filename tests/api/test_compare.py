"""POST /compare: do two photographs show one person?"""

from __future__ import annotations

import base64
from io import BytesIO

import pytest
from PIL import Image, ImageEnhance, ImageOps

from recognition.models import Gallery
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


@pytest.fixture
def both(pictures) -> bytes:
    """Return a picture of Obama, on the left, and of Biden."""
    people = [Image.open(BytesIO(one)).convert("RGB") for one in (pictures.obama2, pictures.biden)]
    together = Image.new("RGB", (1200, 800))
    for place, one in enumerate(people):
        together.paste(ImageOps.contain(one, (600, 800)), (600 * place, 0))
    buffer = BytesIO()
    together.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize("number", [1, 2])
def test_compare_takes_the_face_that_is_named_in_either_picture(api, pictures, both, number):
    found = api.post("/detect", file=both).json()["faces"]
    obama, biden = sorted(range(2), key=lambda place: found[place]["box"]["x"])
    files = {f"file{number}": both, f"file{3 - number}": pictures.obama}
    for face, verified in ((obama, True), (biden, False)):
        box = ",".join(map(str, found[face]["box"].values()))
        for named in ({f"face{number}": str(face)}, {f"box{number}": box}):
            assert api.post("/compare", **files, **named).json()["verified"] is verified


def test_compare_insists_on_size_alone(ada, api, pictures):
    dark = BytesIO()
    ImageEnhance.Brightness(Image.open(BytesIO(pictures.obama3))).enhance(0.15).save(dark, "JPEG")
    found = api.post("/compare", file1=pictures.obama, file2=dark.getvalue()).json()
    assert found["faces"][1]["quality"]["brightness"] < 25
    answer = api.post("/verify", user_id="ada", file=dark.getvalue())
    assert assert_problem(answer, 422, "low_quality")["reasons"][0]["reason"] == "brightness"


def test_the_thresholds_of_a_gallery_hold_for_compare(api, pictures):
    Gallery.objects.update(threshold=0.9999)
    found = api.post("/compare", file1=pictures.obama, file2=pictures.obama2).json()
    assert (found["verified"], found["threshold_source"]) == (False, "gallery")
