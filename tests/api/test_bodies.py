"""Bodies as they come over a socket: large, chunked, cut short, without end; nothing on disk."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.api.conftest import assert_problem, stored
from tests.servers import Site

BOUNDARY = "x" * 20
MEGABYTE = 1024 * 1024


def padded(photograph: bytes, size: int) -> bytes:
    """Return the photograph with bytes after its end, which no JPEG reader looks at."""
    return photograph + bytes(size - len(photograph))


def part(name: str, data: bytes, filename: str = "") -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


@pytest.fixture(scope="module")
def site(tmp_path_factory, networks_dir):
    folder = tmp_path_factory.mktemp("bodies")
    (folder / "tmp").mkdir()
    site = Site(folder, networks_dir, TMPDIR=str(folder / "tmp"), MAX_REQUEST_BYTES="20000000")
    yield site.start()
    site.stop()


class Connection:
    """A raw connection to a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.socket = socket.create_connection(("127.0.0.1", site.port), timeout=30)

    def head(self, path: str, *headers: str, method: str = "POST") -> None:
        kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
        if any(header.lower().startswith("content-type") for header in headers):
            kind = "X-Nothing: 1"
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"X-API-Key: {self.site.key}"]
        self.socket.sendall("\r\n".join([*lines, kind, *headers, "", ""]).encode())

    def chunk(self, data: bytes) -> None:
        self.socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def answer(self) -> tuple[int, dict]:
        """Return status and document of the answer."""
        received = b""
        while chunk := self.socket.recv(65536):
            received += chunk
            head, end, body = received.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
            if end and len(body) >= int(length):
                break
        self.socket.close()
        return int(head.split()[1]), json.loads(body)


@pytest.fixture
def connection(site):
    return Connection(site)


def test_a_chunked_body_is_taken(connection, pictures):
    connection.head("/detect", "Transfer-Encoding: chunked")
    body = part("file", pictures.obama, "ada.jpg") + END
    for start in range(0, len(body), 10_000):
        connection.chunk(body[start : start + 10_000])
    connection.chunk(b"")
    status, found = connection.answer()
    assert (status, len(found["faces"])) == (200, 1)


def test_chunked_json_is_taken(connection, pictures):
    connection.head("/detect", "Transfer-Encoding: chunked", "Content-Type: application/json")
    connection.chunk(json.dumps({"image": base64.b64encode(pictures.obama).decode()}).encode())
    connection.chunk(b"")
    status, found = connection.answer()
    assert (status, len(found["faces"])) == (200, 1)


def endless(connection: Connection, start: bytes, most: int) -> tuple[int, dict, int]:
    """Send chunks until the server has had enough; return its answer and how much was sent."""
    sent = 0
    answers: list[tuple[int, dict]] = []
    reader = threading.Thread(target=lambda: answers.append(connection.answer()))
    reader.start()
    try:
        connection.chunk(start)
        while not answers and sent < most:
            connection.chunk(b"a" * 65536)
            sent += 65536
    except OSError:
        pass  # the server has closed the connection
    reader.join(timeout=30)
    return *answers[0], sent


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=" + BOUNDARY, "application/json"])
@pytest.mark.parametrize("field", ["file", "user_id"])
def test_a_chunked_body_without_end_is_413_before_long(connection, kind, field):
    connection.head("/register", "Transfer-Encoding: chunked", f"Content-Type: {kind}")
    start = part(field, b"", "a.jpg" if field == "file" else "")[:-2]
    if kind == "application/json":
        start = f'{{"{field}": "'.encode()
    status, problem, sent = endless(connection, start, 200 * MEGABYTE)
    assert (status, problem["code"]) == (413, "image_too_large")
    assert problem["hint"] and sent < 100 * MEGABYTE  # what sockets and draining hold, included


def test_a_body_announced_too_large_is_413_without_being_read(connection):
    connection.head("/identify", "Content-Length: 99000000000")
    status, problem = connection.answer()
    assert (status, problem["code"], problem["limit"]) == (413, "image_too_large", 20_000_000)


def test_a_body_that_is_cut_short_is_refused_and_registers_nobody(connection, site, pictures):
    body = part("user_id", b"cut") + part("file", pictures.obama, "a.jpg") + END
    connection.head("/register", f"Content-Length: {len(body)}")
    connection.socket.sendall(body[: len(body) - 30])
    connection.socket.shutdown(socket.SHUT_WR)
    status, problem = connection.answer()
    assert (status, problem["code"]) == (400, "invalid_request")
    assert site.call("GET", "/users/cut").status_code == 404


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_short_body_that_is_cut_short_is_refused(connection, kind):
    connection.head("/galleries", "Content-Length: 900", f"Content-Type: {kind}")
    connection.socket.sendall(b'{"name": "cut"}' if "json" in kind else b"name=cut")
    connection.socket.shutdown(socket.SHUT_WR)
    status, problem = connection.answer()
    assert (status, problem["code"]) == (400, "invalid_request")
    assert "The body ended" in problem["detail"]


def test_a_chunk_that_is_none_is_refused(connection):
    connection.head("/identify", "Transfer-Encoding: chunked")
    connection.socket.sendall(b"nonsense\r\n")
    assert connection.answer()[0] == 400


def test_wrong_keys_are_told_before_the_body_is_read(site):
    connection = Connection(site)
    site_key, site.key = site.key, "wrong"
    connection.head("/register", "Content-Length: 15000000")
    site.key = site_key
    assert connection.answer()[1]["code"] == "not_authenticated"


@pytest.mark.parametrize("charset", ["base64", "zip", "rot13", "nonsense", "idna", "utf-16"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_an_odd_charset_does_no_harm(site, kind, charset):
    headers = {"Content-Type": f"{kind}; charset={charset}"}
    answer = site.call("POST", "/identify?limit=0", data=b"", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def files_seen(folder: Path, act) -> set[str]:
    """Return the names of all files that appeared in ``folder`` while ``act`` ran."""
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.update(os.listdir(folder))
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    act()
    done.set()
    watcher.join()
    return seen


@pytest.mark.parametrize("kind", ["json", "form"])
def test_nine_megabytes_are_taken_and_nothing_appears_in_the_temporary_folder(site, pictures, kind):
    large = padded(pictures.obama, 9 * MEGABYTE)
    options = {"files": {"file": ("a.jpg", large)}}
    if kind == "json":
        options = {"json": {"image": base64.b64encode(large).decode()}}
    answers = []
    folder = site.folder / "tmp"
    seen = files_seen(folder, lambda: answers.append(site.call("POST", "/detect", **options)))
    assert (answers[0].status_code, len(answers[0].json()["faces"])) == (200, 1)
    assert not {name for name in seen if not name.startswith("wgunicorn-")}


@pytest.mark.parametrize("kind", ["json", "form"])
@pytest.mark.parametrize("path", ["/identify", "/register?user_id=ada"])
def test_eleven_megabytes_are_too_large(api, pictures, kind, path):
    large = padded(pictures.obama, 11 * MEGABYTE)
    before = stored()
    if kind == "json":
        name = "images" if "register" in path else "image"
        answer = api.send_json("POST", path, {name: base64.b64encode(large).decode()})
    else:
        answer = api.post(path, file=large)
    assert assert_problem(answer, 413, "image_too_large")["limit"] == 10 * MEGABYTE
    assert stored() == before


@pytest.mark.parametrize("body", ['{"image": "%s"}', '{"user_id": "%s"}', "[%s]"])
def test_forty_megabytes_of_json_are_refused(api, body):
    filling = "1," * (20 * MEGABYTE - 1) + "1" if body == "[%s]" else "a" * (40 * MEGABYTE)
    answer = api.send_json("POST", "/identify", body % filling)
    code = "image_too_large" if "image" in body else "invalid_request"
    assert_problem(answer, 413 if "image" in body else 400, code)
