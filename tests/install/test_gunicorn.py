"""gunicorn as it is configured, with a small application behind it."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT, free_port

THREADS = 12  # by the settings of these tests: 2 x (MAX_RUNNING + MAX_WAITING) + 8

UNREAD = b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 5242880\r\n\r\n"


class Server:
    """gunicorn on a port of its own, its data and its home in a folder of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.port = folder, free_port()
        self.home = folder / "home"
        self.home.mkdir()
        self.tls = "TLS" in environment
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PORT": str(self.port),
            "FACESITE_ENV_FILE": os.devnull,
            "FACESITE_DATA_DIR": str(folder / "data"),
            "MAX_RUNNING": "1",
            "MAX_WAITING": "1",
            **environment,
        }
        command = [sys.executable, "-m", "gunicorn", "--config", "python:tests.install.hasty"]
        self.process = subprocess.Popen(
            [*command, "tests.install.patient_app:application"], cwd=ROOT, env=self.environment
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self.get()
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def get(self, path: str = "/", **headers: str) -> dict[str, Any]:
        """Return what the application got."""
        host = "localhost" if self.tls else "127.0.0.1"
        address = f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=20, context=self.trust()) as answer:
            return {"server": answer.headers["Server"], **json.load(answer)}

    def trust(self) -> ssl.SSLContext | None:
        """Return what believes this server's own certificate and no other."""
        certificate = self.folder / "data" / "tls" / "certificate.pem"
        return ssl.create_default_context(cafile=certificate) if self.tls else None

    def send(self, text: bytes) -> socket.socket:
        """Begin a request and leave it at that."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        if self.tls and (trust := self.trust()) and text.startswith(b"POST"):
            connection = trust.wrap_socket(connection, server_hostname="localhost")
        connection.sendall(text)
        return connection

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start_one(**environment: str) -> Server:
        servers.append(Server(tmp_path, **environment))
        return servers[-1]

    yield start_one
    for server in servers:
        server.stop()


def test_as_many_requests_as_threads_are_answered_side_by_side(start):
    server = start()
    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as clients:
        list(clients.map(server.get, ["/?0.5"] * THREADS))
    assert time.monotonic() - started < 0.5 * THREADS / 2


def test_clients_that_stop_in_the_headers_block_nobody_for_long(start):
    server = start()
    held = [server.send(b"GET / HTTP/1.1\r\nHost: a\r\n") for _ in range(THREADS)]
    started = time.monotonic()
    assert server.get()["read"] == 0
    assert time.monotonic() - started < 4
    assert len(held) == THREADS


def test_clients_that_stop_in_the_handshake_block_nobody_for_long(start):
    server = start(TLS="1")
    held = [server.send(b"\x16\x03") for _ in range(THREADS)]
    started = time.monotonic()
    assert server.get()["scheme"] == "https"
    assert time.monotonic() - started < 4
    assert len(held) == THREADS


def test_a_body_that_does_not_end_is_ended(start):
    server = start()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection = server.send(head + b"5\r\nhello\r\n")
    started = time.monotonic()
    assert b'"read": -1' in connection.recv(4096) + connection.recv(4096)
    assert time.monotonic() - started < 5


def test_a_request_that_has_arrived_may_take_longer_than_reading_may(start):
    assert start().get("/?2.5")["read"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
    ids=["whole", "chunked"],
)
@pytest.mark.parametrize("environment", [{}, {"TLS": "1"}], ids=["http", "https"])
def test_whose_request_has_arrived_has_not_hung_up(start, environment, body):
    server = start(**environment)
    connection = server.send(b"POST /?3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + body)
    answer = connection.recv(4096) + connection.recv(4096)
    assert b'"read": 5' in answer and b'"gone": false' in answer


@pytest.mark.parametrize("environment", [{}, {"TLS": "1"}], ids=["http", "https"])
def test_who_hangs_up_is_noticed(start, environment):
    server = start(**environment)
    server.send(b"POST /?0.5 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").close()
    assert server.get("/?1")["gone_before"] == [True]


def test_who_goes_on_sending_what_was_refused_gets_the_answer(start):
    connection = start().send(UNREAD)
    for _ in range(20):
        connection.sendall(bytes(1 << 18))
        time.sleep(0.01)
    answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200") and b'"read": 0' in answer


def test_who_stops_sending_what_was_refused_blocks_nobody(start):
    server = start()
    held = [server.send(UNREAD + b"a") for _ in range(4 * THREADS)]
    started = time.monotonic()
    assert server.get()["read"] == 0
    assert time.monotonic() - started < 2
    assert all(connection.recv(4096).startswith(b"HTTP/1.1 200") for connection in held)


def test_a_stopping_server_answers_what_it_has_begun(start):
    server = start()
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(server.get, "/?1.5")
        time.sleep(0.3)
        assert server.stop() == 0
        assert answer.result()["read"] == 0


def test_ctrl_c_waits_for_no_request(start):
    server = start()
    with ThreadPoolExecutor(1) as client:
        answer = client.submit(server.get, "/?9")
        time.sleep(0.3)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=5) == 0
        assert isinstance(answer.exception(), OSError)


def test_ctrl_c_waits_for_no_lock_that_its_own_thread_holds():
    """As it does while it hands a request to a thread."""
    script = """if True:
        from concurrent.futures import ThreadPoolExecutor
        from facesite.gunicorn import PatientWorker
        worker = PatientWorker.__new__(PatientWorker)
        worker.tpool = ThreadPoolExecutor(1)
        with worker.tpool._shutdown_lock:
            worker.handle_quit(3, None)
        """
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=30, check=False)
    assert done.returncode == 0


def test_forwarded_headers_are_left_to_the_application(start):
    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    got = start().get("/", **headers)
    assert (got["from"], got["scheme"]) == ("127.0.0.1", "http")


def test_answers_do_not_tell_the_name_of_the_server(start):
    assert start().get()["server"] is None


def test_nothing_is_written_outside_the_data_folder(start):
    server = start(TLS="1")
    server.get()
    assert list(server.home.iterdir()) == []
    assert {file.name for file in server.folder.iterdir()} == {"data", "home"}


@pytest.mark.parametrize("environment", [{}, {"TLS": "yes"}], ids=["http", "https"])
def test_the_health_check_notices_when_nobody_answers(start, environment):
    server = start(**environment)
    check = [sys.executable, "-m", "facesite.healthy"]
    assert subprocess.run(check, cwd=ROOT, env=server.environment, check=False).returncode == 0
    server.stop()
    assert subprocess.run(check, cwd=ROOT, env=server.environment, check=False).returncode == 1
