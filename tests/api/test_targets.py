"""Error rates asked for instead of similarities, and what answers say about them."""

from __future__ import annotations

import base64
from io import BytesIO

import pytest
from PIL import Image

from recognition.models import Gallery, PersonTemplate
from tests.api.conftest import assert_problem
from tests.conftest import blank


def twice(photograph: bytes) -> bytes:
    """Return a picture that shows a photograph two times side by side."""
    with Image.open(BytesIO(photograph)) as image:
        both = Image.new("RGB", (2 * image.width, image.height))
        both.paste(image, (0, 0))
        both.paste(image, (image.width, 0))
    buffer = BytesIO()
    both.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def test_a_stricter_target_gives_a_higher_threshold(ada, api, pictures):
    def threshold(rate: str) -> float:
        found = api.post("/identify", file=pictures.obama2, target_fpir=rate).json()
        assert found["threshold_source"] == "request_target"
        assert found["expected"]["fpir"] == pytest.approx(float(rate), rel=0.01)
        return float(found["threshold"])

    assert threshold("0.001") > threshold("0.1")


def test_verify_takes_a_target_and_tells_the_rates(ada, api, pictures):
    found = api.post("/verify", user_id="ada", file=pictures.obama2, target_fmr="0.0001").json()
    assert found["expected"]["fmr"] == pytest.approx(1e-4)
    assert 0 < found["expected"]["fnmr"] < 1
    assert found["calibration"].startswith("dlib-resnet-v1") and found["warning"] is None


@pytest.mark.parametrize(
    ("call", "name"), [("/identify", "target_fpir"), ("/verify", "target_fmr")]
)
def test_threshold_and_target_together_are_refused(ada, api, pictures, call, name):
    fields = {"user_id": "ada"} if call == "/verify" else {}
    answer = api.post(call, file=pictures.obama2, threshold="0.9", **{name: "0.01"}, **fields)
    assert set(assert_problem(answer, 400, "invalid_request")["errors"]) == {name}


@pytest.mark.parametrize("rate", ["0", "0.9", "-1", "nan", "often"])
def test_a_rate_out_of_reach_is_refused(api, pictures, rate):
    answer = api.post("/identify", file=pictures.obama2, target_fpir=rate)
    assert "target_fpir" in assert_problem(answer, 400, "invalid_request")["errors"]


def test_a_target_beyond_the_data_carries_a_warning(ada, api, pictures):
    found = api.post("/identify", file=pictures.obama2, target_fpir="0.00000001").json()
    assert "fitted tail" in found["warning"]


def test_the_targets_of_a_gallery_hold(ada, api, pictures):
    Gallery.objects.update(target_fpir=0.2)
    found = api.post("/identify", file=pictures.obama2).json()
    assert (found["threshold_source"], found["expected"]["fpir"]) == ("gallery_target", 0.2)


def test_three_references_want_a_higher_similarity_of_that_person(ada, api, pictures):
    files = [pictures.obama2, pictures.obama3]
    assert api.post("/register", user_id="ada", file=files).status_code == 201
    found = api.post("/identify", file=pictures.obama).json()
    assert found["matches"][0]["threshold"] > found["threshold"]


def test_one_person_twice_in_a_picture_is_flagged(ada, api, pictures):
    found = api.post("/identify", file=twice(pictures.obama2)).json()
    assert found["conflicts"] == [{"user_id": "ada", "faces": [0, 1]}]
    assert [face["status"] for face in found["faces"]] == ["match", "match"]


GROUNDS = {"threshold", "threshold_source", "expected", "calibration", "warning", "decision_id"}


@pytest.mark.parametrize("asked", [{}, {"threshold": "-1"}, {"target_fpir": "0.5"}])
def test_a_search_of_nobody_for_nobody_says_what_it_rests_on(api, asked):
    found = api.post("/identify", file=blank(), **asked).json()
    assert found.keys() >= GROUNDS
    assert set(found["expected"]) == {"fpir", "fnir", "references"}
    assert found["expected"]["fpir"] == 0


@pytest.mark.parametrize("asked", [{}, {"threshold": "1"}, {"target_fmr": "0.5"}])
def test_a_refused_claim_says_what_it_rests_on(ada, api, pictures, asked):
    found = api.post("/verify", user_id="ada", file=pictures.biden, **asked).json()
    assert found.keys() >= GROUNDS
    assert set(found["expected"]) == {"fmr", "fnmr", "references"}


@pytest.mark.parametrize("name", ["threshold", "target_fpir"])
def test_a_whole_number_beyond_all_others_is_refused(api, pictures, name):
    image = base64.b64encode(pictures.obama2).decode()
    answer = api.send_json("POST", "/identify", {"image": image, name: 10**400})
    assert set(assert_problem(answer, 400, "invalid_request")["errors"]) == {name}


def test_a_decision_among_people_with_many_references_warns_for_them(ada, api, pictures):
    PersonTemplate.objects.update(references=5)
    found = api.post("/identify", file=pictures.obama, target_fpir="0.000005").json()
    assert "for people with 5 references" in found["warning"]
