"""A client of the HTTP API that keeps its connection."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

from benchmarks.timing import Turn

BOUNDARY = "a-line-that-no-photograph-holds"
READY_SECONDS = 300.0
IDLE = 3.0  # seconds; the server closes a connection that is silent for five


class Client:
    """Posts photographs to ``/identify`` on the server of this machine at ``port``."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {
            "X-API-Key": key,
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        self._connection.connect()
        self._used = time.monotonic()

    def identify(self, jpeg: bytes) -> dict[str, Any]:
        """Return the answer."""
        if time.monotonic() - self._used > IDLE:
            self.close()
            self._connection.connect()
        self._connection.request("POST", "/identify", _form(jpeg), self._headers)
        response = self._connection.getresponse()
        body = response.read()
        self._used = time.monotonic()
        if response.status != 200:
            raise RuntimeError(f"/identify answered {response.status}: {body[:500]!r}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    def wait_until_ready(self) -> None:
        """Return when ``/health/ready`` says so; it answers as soon as everybody is loaded."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            self._connection.request("GET", "/health/ready")
            response = self._connection.getresponse()
            body = response.read()
            self._used = time.monotonic()
            if response.status == 200:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"/health/ready answered {response.status}: {body!r}")
            time.sleep(0.05)

    def turn(self, jpeg: bytes) -> Turn:
        """Return how long a request took: the server's own stages, and ``rest``, all else."""
        started = time.perf_counter()
        answer = self.identify(jpeg)
        whole = (time.perf_counter() - started) * 1000
        laps: dict[str, float] = answer["timings_ms"]
        return Turn(laps | {"rest": whole - sum(laps.values())}, len(answer["faces"]))

    def close(self) -> None:
        self._connection.close()


def _form(jpeg: bytes) -> bytes:
    head = (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="file"; filename="photograph.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + jpeg + f"\r\n--{BOUNDARY}--\r\n".encode()
