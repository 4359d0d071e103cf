"""What each call answers when all places are taken, or when its client has hung up."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from recognition import runtime, services
from recognition.admission import Client
from recognition.errors import ClientGone
from recognition.models import Event
from tests.api.conftest import Api, assert_problem, stored
from tests.conftest import TESTER

CALLS = {
    "/register": {"user_id": "ada", "file": "obama"},
    "/verify": {"user_id": "ada", "file": "obama"},
    "/identify": {"file": "obama"},
    "/detect": {"file": "obama"},
    "/compare": {"file1": "obama", "file2": "obama2"},
}
EVERYTHING = ("register", "verify", "identify", "read", "delete")


@pytest.fixture
def taken(settings) -> Iterator[None]:
    """Let the only place be taken, and nobody wait."""
    settings.MAX_RUNNING, settings.MAX_WAITING = 1, 0
    runtime.places.cache_clear()
    with runtime.places().place(Client()):
        yield
    runtime.places.cache_clear()


@pytest.fixture
def gone() -> dict[str, socket.socket]:
    """Return what a request's environment says of a client who has hung up."""
    server, client = socket.socketpair()
    client.close()
    return {"gunicorn.socket": server}


@pytest.fixture(params=CALLS)
def call(request, photos):
    """Return path and fields of a call with pictures."""
    fields = CALLS[request.param]
    known = vars(type(photos))
    return request.param, {
        name: photos.upload(value).data if value in known else value
        for name, value in fields.items()
    }


def test_every_call_with_pictures_is_refused_where_all_places_are_taken(api, taken, call):
    path, fields = call
    before = stored()
    answer = api.post(path, **fields)
    problem = assert_problem(answer, 503, "overloaded")
    assert int(answer["Retry-After"]) == problem["retry_after"]
    assert stored() == before and not Event.objects.exists()


def test_what_is_refused_as_overloaded_counts_in_the_limit(api, taken, call, settings):
    path, fields = call
    for name in ("REGISTER", "VERIFY", "IDENTIFY", "DEFAULT"):
        setattr(settings, f"RATE_{name}", "1/d")
    assert [api.post(path, **fields).status_code for _ in range(2)] == [503, 429]


def test_every_other_call_is_answered_where_all_places_are_taken(api, taken):
    paths = ("/users", "/galleries", "/health", "/health/ready", "/", "/schema/")
    assert all(api.get(path).status_code in (200, 302) for path in paths)


def test_who_may_not_call_learns_that_and_not_how_busy_it_is(anonymous, make_api, taken, call):
    path, fields = call
    assert_problem(anonymous.post(path, **fields), 401, "not_authenticated")
    if path != "/detect":
        assert_problem(make_api("read").post(path, **fields), 403, "permission_denied")


def test_nothing_is_computed_for_who_has_hung_up(make_key, gallery, gone, call, log):
    path, fields = call
    answer = Api(make_key(*EVERYTHING), **gone).post(path, **fields)
    assert (answer.status_code, answer.content) == (499, b"")
    assert f"POST {path} 499 client_gone" in log.getvalue()
    assert "Traceback" not in log.getvalue() and not Event.objects.exists()


def test_what_was_begun_for_who_hung_up_is_written_down(gallery, photos, gone):
    server, end = socket.socketpair()
    with pytest.raises(ClientGone), runtime.places().place(Client(server)):
        end.close()
        services.identify(gallery, photos.upload("obama"), actor=TESTER)
    assert [event.outcome for event in Event.objects.filter(act="identify")] == ["client_gone"]
