"""Every call with every scope, and with every permission of staff; walked from the addresses."""

from __future__ import annotations

from itertools import product

import pytest

from recognition.api.urls import urlpatterns
from recognition.models import SCOPES
from tests.api.conftest import assert_problem

OPEN = {"health", "ready"}
# Said once more and by hand: (call, method) -> scope, "" for any key
WANTED = {
    ("register", "POST"): "register",
    ("verify", "POST"): "verify",
    ("compare", "POST"): "verify",
    ("identify", "POST"): "identify",
    ("detect", "POST"): "",
    ("users", "GET"): "read",
    ("user", "GET"): "read",
    ("user", "PATCH"): "register",
    ("export", "GET"): "read",
    ("unregister", "DELETE"): "delete",
    ("reference", "DELETE"): "delete",
    ("crop", "GET"): "read",
    ("galleries", "GET"): "read",
    ("galleries", "POST"): "register",
    ("gallery", "DELETE"): "delete",
    ("decision", "GET"): "read",
}
PERMISSIONS = {
    ("register", "POST"): "add_subject",
    ("verify", "POST"): "verify_subject",
    ("compare", "POST"): "verify_subject",
    ("identify", "POST"): "identify_subject",
    ("user", "PATCH"): "change_subject",
    ("export", "GET"): "change_subject",
    ("unregister", "DELETE"): "delete_subject",
    ("reference", "DELETE"): "delete_subject",
    ("galleries", "POST"): "add_gallery",
    ("gallery", "DELETE"): "delete_gallery",
    **{
        (name, "GET"): "view_subject" for name in ("users", "user", "crop", "galleries", "decision")
    },
}
METHODS = ("get", "post", "put", "patch", "delete")


def calls() -> dict[tuple[str, str], str]:
    """Return (name, method) -> path of everything that is routed."""
    found = {}
    for pattern in urlpatterns:
        path = str(pattern.pattern)
        for name in ("user_id", "reference_id", "name", "decision_id"):
            path = path.replace(f"<str:{name}>", "x")
        for method in METHODS:
            if hasattr(pattern.callback.view_class, method):
                found[pattern.name, method.upper()] = f"/{path}"
    return found


ALL = {call: path for call, path in calls().items() if call[0] not in OPEN}


def test_every_call_that_is_routed_stands_in_this_table():
    assert set(ALL) == set(WANTED) == set(PERMISSIONS) | {("detect", "POST")}


@pytest.mark.parametrize(("call", "scope"), list(product(ALL, SCOPES)), ids=str)
def test_a_call_is_open_to_its_scope_alone(make_api, db, call, scope):
    answer = make_api(scope).call(call[1], ALL[call])
    if WANTED[call] in ("", scope):
        assert answer.status_code not in (401, 403)
    else:
        assert f"'{WANTED[call]}'" in assert_problem(answer, 403, "permission_denied")["detail"]


@pytest.mark.parametrize("call", ALL, ids=str)
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "the call's own"])
def test_no_call_is_open_without_a_key(client, db, call, method):
    method = call[1] if method.startswith("the") else method
    answer = client.generic(method, ALL[call])
    assert answer.status_code == 401 and answer["X-Request-ID"]


@pytest.mark.parametrize("call", ALL, ids=str)
def test_staff_may_do_what_their_permission_says(staff, call):
    answer = staff(PERMISSIONS.get(call, "view_subject")).call(call[1], ALL[call])
    assert answer.status_code not in (401, 403)


@pytest.mark.parametrize("call", [c for c in ALL if c != ("detect", "POST")], ids=str)
def test_staff_may_do_nothing_that_another_permission_says(staff, call):
    others = set(PERMISSIONS.values()) - {PERMISSIONS[call]}
    answer = staff(*others).call(call[1], ALL[call])
    assert f"'{PERMISSIONS[call]}'" in assert_problem(answer, 403, "permission_denied")["detail"]


@pytest.mark.parametrize("call", ALL, ids=str)
def test_every_call_is_counted(call):
    view = next(p.callback.view_class for p in urlpatterns if p.name == call[0])
    assert getattr(view, call[1].lower()).limited


def test_options_describes_a_call_to_any_key(make_api, db):
    answer = make_api().call("OPTIONS", "/register")
    assert answer.status_code == 200
    assert "multipart/form-data" in answer.json()["parses"]


def test_head_is_get_without_a_body(api):
    answer = api.call("HEAD", "/users")
    assert (answer.status_code, answer.content) == (200, b"")
