"""The faults of an older system (CompreFace 1.2.0) that must not be ours, and where each is tested.

``TESTED``: what went wrong there, and the tests here that would tell; the rest are below.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from recognition.models import ApiKey, Subject
from recognition.runtime import DLIB, extractor
from tests.api.conftest import assert_problem
from tests.pipeline import faces
from tests.servers import ROOT

TESTED = {
    "photographs stay when their subject is erased": [
        "services/test_erase.py::test_unregister_erases_references_crops_and_template",
        "processes/test_erased_bytes.py::test_no_face_rests_in_the_clear_and_no_name_after_erasing",
        "imports/test_sealed.py::test_erasing_somebody_erases_what_waits_of_them",
    ],
    "keys of examples ship with it": [
        "test_checks.py::test_a_wrong_setting_is_named",
        "commands/test_prepare.py::test_the_first_run_makes_an_administrator_and_a_key",
    ],
    "calls are open without a key": [
        "api/test_scopes.py::test_no_call_is_open_without_a_key",
        "web/test_rules.py::test_nobody_is_led_to_sign_in",
    ],
    "the database's password is postgres": [
        "install/test_image.py::test_every_secret_that_is_read_is_made_at_random",
        "install/test_image.py::test_no_password_stands_in_the_compose_file",
    ],
    "EXIF orientation is ignored": [
        "pipeline/test_decode_orientation.py::test_decode_turns_all_eight_orientations_upright",
        "pipeline/test_extract.py::test_all_exif_orientations_give_the_same_box_and_the_same_person",
    ],
    "wishes of one request reach another": [
        "pipeline/test_extract.py::test_threads_get_the_same_answers",
    ],
    "all similarities are sorted": [
        "gallery/test_exact_floor.py::test_few_people_are_compared",
    ],
    "an error of the service is told as one of the client": [
        "api/test_problems.py::test_a_view_that_raises_is_500_with_its_traceback_in_the_log_alone",
        "api/test_keys.py::test_a_missing_or_wrong_key_is_401_with_a_challenge",
    ],
    "a picture's format is judged by its name": [
        "api/test_register.py::test_register_keeps_the_usable_pictures_and_says_why_not_the_others",
    ],
}
CROSS = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "DELETE"}


@pytest.mark.parametrize("named", sum(TESTED.values(), []))
def test_what_is_said_to_be_tested_is(named):
    path, _, name = named.partition("::")
    assert f"\ndef {name}(" in (ROOT / "tests" / path).read_text()


def test_nothing_ships_with_a_key_or_an_account(db):
    assert not ApiKey.objects.exists() and not User.objects.exists()


@pytest.mark.parametrize("path", ["/users", "/health", "/identify", "/schema/", "/console/sign-in"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_page_of_another_site_may_read_nothing(api, path, method):
    answer = api.call(method, path, headers=CROSS)
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/users", "/unregister", "/unregister/", "/users/"])
def test_erasing_without_saying_whom_erases_nobody(api, pictures, path):
    api.post("/register", user_id="ada", file=pictures.obama)
    assert api.delete(path).status_code in {404, 405}
    assert Subject.objects.count() == 1


@pytest.mark.parametrize("name", ["api_key", "key", "X-API-Key", "x-api-key", "token"])
def test_a_key_in_the_address_opens_nothing(anonymous, make_key, name):
    answer = anonymous.get(f"/users?{name}={make_key('read')}")
    assert_problem(answer, 401, "not_authenticated")


def test_wishes_of_one_request_do_not_reach_another(networks_dir):
    maker, picture = extractor(DLIB), faces.picture(faces.collage(4, 1300))
    wished = [40, 200] * 8
    alone = {size: len(maker.detect(picture, min_face_size=size)) for size in set(wished)}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda s: len(maker.detect(picture, min_face_size=s)), wished))
    assert found == [alone[size] for size in wished] and alone[40] != alone[200]


def test_identifying_asks_the_database_little_and_no_other_service(api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama)
    api.post("/identify", file=pictures.obama2)
    with CaptureQueriesContext(connection) as sent:
        assert api.post("/identify", file=pictures.obama2).status_code == 200
    assert len(sent) < 20
