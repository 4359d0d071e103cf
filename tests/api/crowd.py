"""Clients as they are: slow, impatient, many at once; on sockets, since no library behaves so."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Sequence
from typing import Any

import requests
from PIL import Image

from tests.conftest import FIXTURES
from tests.servers import Site

SECONDS = 60


def long_work(pictures: int = 8) -> list[bytes]:
    """Return large photographs of which no two are alike: seconds of work."""
    with Image.open(FIXTURES / "obama.jpg") as photograph:
        large = photograph.convert("RGB").resize((2800, 2100))
    return [_jpeg(large, quality=80 + number) for number in range(pictures)]


def _jpeg(picture: Image.Image, *, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


class Caller:
    """One request on a connection of its own, of whose body ``share`` is sent at once."""

    def __init__(
        self, site: Site, path: str, photographs: Sequence[bytes], *, share: float = 1.0
    ) -> None:
        files = [("file", ("photo.jpg", each)) for each in photographs]
        made = requests.Request("POST", site.url + path, files=files).prepare()
        assert isinstance(made.body, bytes)
        headers = dict(made.headers) | {"Host": "127.0.0.1", "X-API-Key": site.key}
        lines = [f"POST {path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items()), "", ""]
        self.connection = socket.create_connection(("127.0.0.1", site.port), timeout=SECONDS)
        sent = round(len(made.body) * share)
        self.connection.sendall("\r\n".join(lines).encode() + made.body[:sent])
        self._left, self.started = made.body[sent:], time.monotonic()

    def send_rest(self) -> None:
        self.connection.sendall(self._left)

    def hang_up(self) -> None:
        self.connection.close()

    def answer(self) -> Answer:
        """Return the answer, when it has come."""
        with self.connection.makefile("rb") as file:
            status = int(file.readline().split()[1])
            lines = iter(lambda: file.readline().decode().strip(), "")
            headers = dict(line.split(": ", 1) for line in lines)
            body = file.read(int(headers["Content-Length"]))
        return Answer(status, headers, body, time.monotonic() - self.started)


class Answer:
    """What came, and after how many ``seconds``."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, seconds: float) -> None:
        self.status, self.headers, self.seconds = status, headers, seconds
        self.json: dict[str, Any] = json.loads(body)
