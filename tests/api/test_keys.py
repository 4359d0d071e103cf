"""Keys: in two headers, missing, wrong, revoked, expired, from the environment."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from recognition.models import ApiKey
from tests.api.conftest import Api, assert_problem


def test_a_key_is_taken_from_either_header(make_key, gallery):
    key, anybody = make_key("read"), Api("")
    assert anybody.get("/users", headers={"X-API-Key": key}).status_code == 200
    for spelling in ("Api-Key", "api-key"):
        authorization = {"Authorization": f"{spelling} {key}"}
        assert anybody.get("/users", headers=authorization).status_code == 200


def test_of_two_keys_the_one_in_x_api_key_counts(make_key, gallery):
    right, wrong = make_key("read"), "wrong.key"
    asked = [(right, wrong), (wrong, right)]
    headers = [{"X-API-Key": one, "Authorization": f"Api-Key {other}"} for one, other in asked]
    answers = [Api("").get("/users", headers=each).status_code for each in headers]
    assert answers == [200, 401]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "wrong"},
        {"X-API-Key": "wrong.wrong"},
        {"X-API-Key": "é" * 300},
        {"Authorization": "Api-Key"},
        {"Authorization": "Api-Key "},
        {"Authorization": "Api-Key wrong.wrong"},
        {"Authorization": "Bearer something"},
        {"Authorization": "Basic YTpi"},
    ],
    ids=str,
)
def test_a_missing_or_wrong_key_is_401_with_a_challenge(anonymous, headers):
    answer = anonymous.get("/users", headers=headers)
    assert_problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Api-Key realm="facesite"'


def test_the_secret_half_of_a_key_counts(make_key, gallery):
    prefix = make_key("read").partition(".")[0]
    assert_problem(Api(f"{prefix}.{'x' * 32}").get("/users"), 401, "not_authenticated")


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_key_that_ended_is_401(make_api, gallery, how):
    api = make_api("read")
    assert api.get("/users").status_code == 200
    past = timezone.now() - dt.timedelta(seconds=1)
    ApiKey.objects.update(**{"revoked": True} if how == "revoked" else {"expiry_date": past})
    assert_problem(api.get("/users"), 401, "not_authenticated")


def test_a_wrong_key_is_refused_whatever_else_is_sent(make_key, gallery, staff):
    signed_in = staff("view_subject")
    assert signed_in.get("/users").status_code == 200
    answer = signed_in.get("/users", headers={"X-API-Key": "wrong"})
    assert_problem(answer, 401, "not_authenticated")


def test_the_key_of_the_environment_may_do_everything(gallery):
    key = "kN3vX9qLr7Tz2WbYp5HsDc8M"
    ApiKey.objects.take_from_environment(key)
    assert Api(key).get("/users").status_code == 200
    assert Api(key).delete("/galleries/default?force=true").status_code == 200
