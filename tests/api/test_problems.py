"""Errors come from one place: the same document for views, addresses, Django's own refusals."""

from __future__ import annotations

import json
import re

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, UnreadablePostError

from recognition import services
from recognition.errors import PROBLEMS, RecognitionError
from tests.api.conftest import assert_problem


def raising(exception: Exception):
    def act(*args: object, **kwargs: object) -> None:
        raise exception

    return act


def test_a_view_that_raises_is_500_with_its_traceback_in_the_log_alone(api, monkeypatch, log):
    monkeypatch.setattr(services, "list_users", raising(KeyError("the secret of the fault")))
    answer = api.get("/users")
    problem = assert_problem(answer, 500, "internal_error")
    start = f"{problem['request_id']} recognition.api.problems: KeyError in GET /users\nTraceback"
    assert "the secret of the fault" in log.getvalue().partition(start)[2]
    assert b"secret" not in answer.content and b"KeyError" not in answer.content


def test_middleware_that_raises_is_500_as_well(api, monkeypatch, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.api.test_problems.broken"]
    assert_problem(api.get("/users"), 500, "internal_error")


def broken(get_response):
    return raising(RuntimeError("broken"))


# DESIGN section 4, said once more and by hand; clients go by these.
STATUSES = {
    400: {"invalid_request", "invalid_image"},
    401: {"not_authenticated"},
    403: {"permission_denied", "address_not_allowed", "csrf_failed"},
    404: {"not_found", "user_not_found", "gallery_not_found"},
    405: {"method_not_allowed"},
    409: {"duplicate_face", "suppressed", "gallery_not_empty", "import_closed"},
    413: {"image_too_large"},
    415: {"unsupported_image"},
    422: {"no_face", "multiple_faces", "face_too_small", "low_quality", "consent_required"},
    429: {"rate_limited"},
    500: {"internal_error"},
    503: {"overloaded", "not_ready"},
}


def test_every_code_keeps_its_status():
    found: dict[int, set[str]] = {}
    for code, problem in PROBLEMS.items():
        found.setdefault(problem.status, set()).add(code)
    assert found == STATUSES


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_code_has_its_own_answer(api, monkeypatch, code):
    error = RecognitionError(code, "A sentence.", measured=3, limit=2, errors={"a": ["b"]})
    monkeypatch.setattr(services, "list_users", raising(error))
    problem = assert_problem(api.get("/users"), PROBLEMS[code].status, code)
    assert (problem["detail"], problem["measured"], problem["limit"]) == ("A sentence.", 3, 2)
    assert problem["errors"] == {"a": ["b"]}


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (Http404("x"), 404, "not_found"),
        (PermissionDenied("x"), 403, "permission_denied"),
        (SuspiciousOperation("x"), 400, "invalid_request"),
        (UnreadablePostError("x"), 400, "invalid_request"),
    ],
)
def test_what_django_raises_is_answered_alike(api, monkeypatch, exception, status, code):
    monkeypatch.setattr(services, "list_users", raising(exception))
    assert_problem(api.get("/users"), status, code)


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/static/none.css", "/%ff%fe%00"])
def test_an_address_without_anything_is_not_found(api, path):
    assert_problem(api.get(path), 404, "not_found")


def test_a_slash_too_many_is_told(api):
    problem = assert_problem(api.get("/users/ada/"), 404, "not_found")
    assert problem["hint"] == "Leave out the slash at the end."


@pytest.mark.parametrize("path", ["/admin/nothing", "/console/nothing"])
def test_pages_answer_in_html(client, db, path):
    answer = client.get(path, follow=True)
    assert answer["Content-Type"].startswith("text/html")
    assert answer["X-Request-ID"]


def test_a_form_without_its_token_is_csrf_failed_outside_the_pages(db, rf):
    from django.conf import settings
    from django.utils.module_loading import import_string

    refuse = import_string(settings.CSRF_FAILURE_VIEW)
    outside = refuse(rf.post("/anything"), reason="no token")
    assert json.loads(outside.content)["code"] == "csrf_failed"
    assert refuse(rf.post("/admin/login/"))["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("accept", ["image/webp", "application/problem+json", "x", "", "*/*;q=0"])
def test_whatever_is_accepted_json_is_answered(api, accept):
    answer = api.get("/users", headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert_problem(api.get("/users/x", headers={"Accept": accept}), 404, "user_not_found")


def test_every_answer_has_an_id_of_its_own(api):
    paths = ["/users", "/nothing", "/docs/", "/admin/", "/", "/users?page=x", "/health"]
    ids = [api.get(path)["X-Request-ID"] for path in paths]
    assert len(set(ids)) == len(paths)
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids)
