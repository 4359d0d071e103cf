"""What is no HTTP, or too long for it, is refused in the form of every other refusal."""

from __future__ import annotations

import json
import socket

import pytest

HEAD = b"Host: localhost\r\nConnection: close\r\n"
REQUESTS = {
    "long-line": b"GET /users/" + b"x" * 9000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n",
    "long-header": b"GET /users HTTP/1.1\r\nX-API-Key: " + b"x" * 9000 + b"\r\n" + HEAD + b"\r\n",
    "no-number": b"POST /verify HTTP/1.1\r\nContent-Length: abc\r\n" + HEAD + b"\r\n",
    "no-line": b"what is this\r\n\r\n",
}


def answer(port: int, request: bytes) -> tuple[bytes, bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(request)
        whole = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = whole.partition(b"\r\n\r\n")
    return head, body


@pytest.fixture
def port(make_site) -> int:
    return make_site().port


def test_what_is_no_http_gets_a_problem(port):
    for name, request in REQUESTS.items():
        head, body = answer(port, request)
        problem = json.loads(body)
        assert head.startswith(b"HTTP/1.1 400 "), name
        assert b"application/problem+json" in head, name
        assert problem["code"] == "invalid_request" and problem["hint"], name
        assert problem["request_id"].encode() in head, name
