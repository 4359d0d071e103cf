"""deploy/nginx/nginx.conf in Debian's nginx, before small servers that keep what they are asked."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from django.conf import settings

from facesite.middleware import beginnings
from recognition.errors import RecognitionError
from tests.install.front import CONFIGURATION, Fake, Front
from tests.install.test_image import service

MB = 1024 * 1024


@pytest.fixture
def fakes() -> Iterator[Callable[..., tuple[Fake, Fake]]]:
    """Return a function that starts two servers: ``fakes(200, 503)``."""
    started: list[Fake] = []

    def start(*statuses: int) -> tuple[Fake, Fake]:
        first, second = (Fake(status) for status in statuses or (200, 200))
        started.extend((first, second))
        return first, second

    yield start
    for fake in started:
        fake.stop()


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Callable[..., Front]]:
    """Return a function that puts nginx before two servers: ``front(fakes())``."""
    started: list[Front] = []

    def start(servers: tuple[Fake, Fake], **changes: str) -> Front:
        ports = (servers[0].port, servers[1].port)
        started.append(Front(tmp_path, ports, **changes).start())
        return started[-1]

    yield start
    for each in started:
        each.stop()


def asked(servers: tuple[Fake, Fake]) -> list[dict]:
    return servers[0].asked + servers[1].asked


def test_nginx_accepts_the_configuration_without_a_warning(tmp_path):
    done = subprocess.run(
        Front(tmp_path, (1, 2)).command("-t"), capture_output=True, text=True, check=False
    )
    said = done.stderr + (tmp_path / "error.log").read_text()
    assert done.returncode == 0 and "warn" not in said, said


def test_the_address_and_scheme_of_the_client_replace_what_it_says(front, fakes):
    servers = fakes()
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "Forwarded": "for=6.6.6.6"}
    lies |= {"X_Forwarded_For": "6.6.6.6", "Host": "faces.example.org:8443"}
    requests.get(f"{front(servers).url}/users", headers=lies, timeout=20)
    [request] = asked(servers)
    told = {name: request["headers"][name] for name in (*lies, "X-Forwarded-Proto")}
    assert told.pop("Host") == "faces.example.org:8443"
    assert [value for value in told.values() if value] == ["127.0.0.1", "http"]


def test_servers_are_asked_in_turn_and_connections_kept(front, fakes):
    servers = fakes()
    site = front(servers)
    for _ in range(8):
        assert requests.get(f"{site.url}/users", timeout=20).ok
    assert [len(server.asked) for server in servers] == [4, 4]
    assert {request["headers"]["Connection"] for request in asked(servers)} == {None}


def test_503_of_a_server_is_passed_on_and_nobody_else_is_asked(front, fakes):
    servers = fakes(503, 503)
    answer = requests.post(f"{front(servers).url}/identify", data=b"x", timeout=20)
    assert (answer.status_code, answer.json()) == (503, {"code": "overloaded"})
    assert len(asked(servers)) == 1


def test_a_post_that_was_sent_is_never_repeated(front, fakes):
    servers = fakes(0, 0)
    answer = requests.post(f"{front(servers).url}/register", data=b"x", timeout=20)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert len(asked(servers)) == 1


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_server_that_is_gone_is_passed_over(front, fakes, method):
    gone, there = fakes()
    site = front((gone, there))
    gone.stop()
    answers = [requests.request(method, f"{site.url}/x", timeout=20).status_code for _ in range(6)]
    assert answers == [200] * 6 and len(there.asked) == 6


def test_without_servers_the_answer_is_a_problem(front, fakes):
    servers = fakes()
    site = front(servers)
    for server in servers:
        server.stop()
    answer = requests.post(f"{site.url}/identify", data=b"x", timeout=20)
    assert_problem(answer, "not_ready")
    assert answer.headers["Retry-After"] == str(answer.json()["retry_after"])


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_past_the_limit_is_a_problem_and_asks_nobody(front, fakes, chunked):
    servers = fakes()
    body = bytes(65 * MB + 1)
    answer = requests.post(
        f"{front(servers).url}/identify", data=iter([body]) if chunked else body, timeout=60
    )
    assert_problem(answer, "image_too_large")
    assert asked(servers) == []


@pytest.mark.parametrize("chunked", [False, True])
def test_the_largest_body_passes_and_needs_no_folder(front, fakes, chunked):
    servers = fakes()
    site = front(servers)  # whose folder for bodies was removed
    body = bytes(65 * MB)
    data = iter([body[:MB]] * 65) if chunked else body
    assert requests.post(f"{site.url}/register", data=data, timeout=60).ok
    assert [request["length"] for request in asked(servers)] == [65 * MB]


def test_nginx_lets_pass_what_the_servers_refuse_by_themselves():
    text = CONFIGURATION.read_text()
    assert 65 * MB > settings.MAX_REQUEST_BYTES == 64 * MB
    assert "client_max_body_size 65m;" in text and "client_body_buffer_size 68m;" in text


def test_what_is_no_request_is_a_problem(front, fakes):
    site = front(fakes())
    for request in (b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"TRACE / HTTP/1.0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            document = json.loads(answer.read())
        assert (answer.status, document["code"]) == (400, "invalid_request")


def test_a_client_that_stops_half_way_is_cut_off_and_asks_nobody(front, fakes):
    servers = fakes()
    site = front(servers, client_body_timeout="1s")
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(b"POST /identify HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhal")
        started = time.monotonic()
        assert connection.recv(100) == b""
    assert 0.5 < time.monotonic() - started < 5
    assert asked(servers) == []


SMALL, LARGE = "Content-Length: 9", "Content-Length: 10000000"
CHUNKED = "Transfer-Encoding: chunked"


@contextmanager
def upload_under_way(site: Front, body: str) -> Iterator[None]:
    """Begin an upload with this header, and hold it once nginx waits for its body."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        head = f"POST /identify HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{body}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        yield


@pytest.mark.parametrize(
    ("limit", "body", "data"),
    [
        ("uploads", SMALL, b"x"),
        ("uploads_of_one", SMALL, b"x"),
        ("large", LARGE, bytes(10 * MB)),
        ("large", CHUNKED, iter([b"x"])),
        ("large_of_one", LARGE, bytes(10 * MB)),
    ],
)
def test_one_upload_more_than_fits_is_a_problem_and_asks_nobody(front, fakes, limit, body, data):
    servers = fakes()
    site = front(servers, **{f"limit_conn {limit}": "1"})
    with upload_under_way(site, body):
        answer = requests.post(f"{site.url}/identify", data=data, timeout=20)
    assert_problem(answer, "overloaded")
    assert answer.headers["Retry-After"] == str(answer.json()["retry_after"])
    assert asked(servers) == []


def until_taken(url: str) -> None:
    """Send an upload until it is taken: nginx counts one that ended for a moment longer."""
    deadline = time.monotonic() + 20
    while not requests.post(url, data=b"x", timeout=20).ok:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_uploads_keep_no_request_without_a_body_waiting(front, fakes):
    site = front(fakes(), **{"limit_conn uploads": "1"})
    with upload_under_way(site, SMALL):
        assert requests.get(f"{site.url}/users", timeout=20).ok
        assert requests.post(f"{site.url}/users", timeout=20).ok  # Content-Length: 0
    until_taken(f"{site.url}/identify")


@pytest.mark.parametrize("size", [1, 9_999_999])
def test_large_uploads_leave_room_for_others(front, fakes, size):
    site = front(fakes(), **{"limit_conn large": "1"})
    with upload_under_way(site, LARGE):
        assert requests.post(f"{site.url}/identify", data=bytes(size), timeout=20).ok


@pytest.mark.parametrize(("limit", "body"), [("uploads_of_one", SMALL), ("large_of_one", LARGE)])
def test_one_address_leaves_room_for_another(front, fakes, limit, body):
    site = front(fakes(), **{f"limit_conn {limit}": "1"})
    other = ("127.0.0.2", 0)
    with upload_under_way(site, body):
        connection = http.client.HTTPConnection("127.0.0.1", site.port, 20, source_address=other)
        connection.request("POST", "/identify", bytes(10 * MB))
        assert connection.getresponse().status == 200


def test_all_uploads_that_are_taken_fit_into_the_memory_of_the_container():
    limits = dict(re.findall(r"limit_conn (\w+) (\d+);", CONFIGURATION.read_text()))
    uploads, large = int(limits["uploads"]), int(limits["large"])
    most = large * 68 * MB + (uploads - large) * 10_000_000 + 64 * MB
    assert service("nginx")["mem_limit"] == "2g" and most < 0.9 * 2048 * MB
    assert limits["uploads_of_one"] == str(uploads // 2)
    assert limits["large_of_one"] == str(large // 2)


def test_the_log_names_the_call_and_the_server_and_no_person(front, fakes):
    servers = fakes(500, 500)
    site = front(servers)
    ours = ("/users/ada?gallery=door", "/api/v1/users/ada", "/register?user_id=ada")
    for path in (*ours, "/ada", "/%61da/users", "/usersada"):
        requests.post(f"{site.url}{path}", timeout=20)
    lines = [line for line in site.log().splitlines() if "/health" not in line]
    assert [line.split()[3] for line in lines] == [
        "/users",
        "/api/v1/users",
        "/register",
        *["/..."] * 3,
    ]
    assert not [line for line in lines if "ada" in line or "door" in line]
    ports = {f"127.0.0.1:{server.port}" for server in servers}
    assert all(" 500 " in line and ports & set(line.split()) for line in lines)
    assert (site.folder / "error.log").read_text() == ""


def test_the_log_names_the_calls_that_there_are():
    listed = re.search(r"\(\?:api/v1/\)\?\(\?:([^)]+)\)", CONFIGURATION.read_text())
    assert set(listed[1].split("|")) == beginnings() | {"static"}


def test_answers_do_not_tell_the_version_of_nginx(front, fakes):
    answer = requests.get(f"{front(fakes()).url}/users", timeout=20)
    assert answer.headers["Server"] == "nginx"


def assert_problem(answer: requests.Response, code: str) -> None:
    """Compare with what Facesite itself answers."""
    document = answer.json()
    own = RecognitionError(code, document["detail"], hint=document["hint"])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == document["request_id"] != ""
    document.pop("retry_after", None)
    assert document == own.document(document["request_id"])
    assert answer.status_code == own.problem.status
