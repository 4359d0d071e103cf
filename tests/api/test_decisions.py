"""GET /decisions/{id}: why was it decided so?"""

from __future__ import annotations

import pytest

from recognition.models import Gallery
from tests.api.conftest import assert_problem
from tests.conftest import blank


def test_a_match_says_what_it_reached(ada, api, pictures):
    found = api.post("/identify", file=pictures.obama2).json()
    told = api.get(f"/decisions/{found['decision_id']}").json()
    best = told["faces"][0]["candidates"][0]
    assert (told["act"], told["outcome"], best["user_id"]) == ("identify", "match", "ada")
    assert f"reaches the threshold {best['threshold']:.3f}" in told["explanation"][0]
    assert told["grounds"]["threshold"] == pytest.approx(found["threshold"])


def test_a_stranger_says_who_was_nearest_and_by_how_much(ada, api, pictures):
    found = api.post("/identify?candidates=2", file=pictures.biden).json()
    told = api.get(f"/decisions/{found['decision_id']}").json()
    assert "The nearest is ada" in told["explanation"][0]
    assert "below the threshold" in told["explanation"][0]


def test_a_second_person_lost_to_the_first(ada, api, pictures):
    assert api.post("/register", user_id="twin", file=pictures.obama3).status_code == 201
    found = api.post("/identify", file=pictures.obama2).json()
    told = api.get(f"/decisions/{found['decision_id']}").json()
    first, second = told["faces"][0]["candidates"]
    assert f"lost to {first['user_id']} by" in second["why"]


def test_a_refused_claim_says_how_far_it_was(ada, api, pictures):
    found = api.post("/verify", user_id="ada", file=pictures.biden).json()
    told = api.get(f"/decisions/{found['decision_id']}").json()
    assert (told["user_id"], told["outcome"]) == ("ada", "refused")
    assert told["explanation"][0].startswith("ada: ")
    assert "below the threshold" in told["explanation"][0]


def test_a_face_that_was_too_small_says_what_it_needs(ada, api, pictures):
    found = api.post("/identify", file=pictures.obama2, min_face_size="400").json()
    told = api.get(f"/decisions/{found['decision_id']}").json()
    assert "400 are needed" in told["explanation"][0]


def test_the_erased_are_not_named(ada, api, pictures):
    found = api.post("/identify", file=pictures.obama2).json()
    assert api.delete("/unregister/ada").status_code == 200
    told = api.get(f"/decisions/{found['decision_id']}").json()
    assert told["faces"][0]["candidates"][0]["user_id"] is None
    assert told.pop("request_id") and "ada" not in str(told)  # which three of its digits may be


@pytest.mark.parametrize("nothing", ["0", "x", "9" * 40, "-1", "٣"])
def test_what_is_no_decision_is_not_found(api, nothing):
    assert_problem(api.get(f"/decisions/{nothing}"), 404, "not_found")


def test_other_events_are_no_decisions(ada, api):
    assert_problem(api.get("/decisions/1"), 404, "not_found")


def test_a_key_of_another_gallery_is_told_of_no_decision(ada, api, make_api, pictures):
    found = api.post("/identify", file=pictures.obama2).json()
    stranger = make_api("read", galleries=("other",))
    answer = stranger.get(f"/decisions/{found['decision_id']}")
    assert_problem(answer, 404, "not_found")


def test_a_decision_goes_with_its_gallery_to_another_name(ada, api, make_api, pictures):
    asked = f"/decisions/{api.post('/identify', file=pictures.obama2).json()['decision_id']}"
    Gallery.objects.filter(name="default").update(name="door")
    Gallery.objects.create(name="default")
    told = make_api("read", galleries=("door",)).get(asked).json()
    assert told["faces"][0]["candidates"][0]["user_id"] == "ada"
    assert make_api("read", galleries=("default",)).get(asked).status_code == 404


@pytest.mark.parametrize("call", ["verify", "compare"])
def test_a_refused_picture_leads_to_its_reasons(ada, api, pictures, call):
    both = {"file1": pictures.obama2, "file2": pictures.obama2}
    sent = {"user_id": "ada", "file": pictures.obama2} if call == "verify" else both
    answer = api.post(f"/{call}", min_face_size="400", **sent)
    problem = assert_problem(answer, 422, "face_too_small")
    told = api.get(f"/decisions/{problem['decision_id']}").json()
    assert (told["act"], told["outcome"]) == (call, "face_too_small")
    assert told["explanation"] == [problem["detail"]] and "400 are needed" in problem["detail"]


def test_a_picture_without_a_face_says_so(ada, api):
    found = api.post("/identify", file=blank()).json()
    told = api.get(f"/decisions/{found['decision_id']}").json()
    assert told["explanation"][0] == "No face was found in the picture."


def test_what_measures_no_face_is_no_decision(ada, api, pictures):
    answer = api.post("/verify", user_id="bob", file=pictures.obama)
    assert "decision_id" not in assert_problem(answer, 404, "user_not_found")


def test_a_key_that_may_not_read_is_told_of_no_decision(ada, api, make_api, pictures):
    found = api.post("/identify", file=pictures.obama2).json()
    answer = make_api("identify").get(f"/decisions/{found['decision_id']}")
    assert_problem(answer, 403, "permission_denied")


def test_a_decision_of_a_gallery_that_is_gone_is_none_of_a_limited_key(api, make_api, pictures):
    Gallery.objects.create(name="door")
    answer = api.post("/identify", file=pictures.obama2, gallery="door").json()
    Gallery.objects.filter(name="door").delete()
    Gallery.objects.create(name="door")  # another one
    asked = f"/decisions/{answer['decision_id']}"
    assert_problem(make_api("read", galleries=("door",)).get(asked), 404, "not_found")
    assert api.get(asked).json()["gallery"] == "door"
