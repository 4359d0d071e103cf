"""Clients that send a byte a second: everybody else is answered as usual."""

from __future__ import annotations

import socket
import threading
import time

import pytest

CLIENTS = 32
SECONDS = 8.0  # that the slow ones go on
BOUND = 2.0  # seconds in which others are answered


class Slow(threading.Thread):
    """Sends headers of an upload of 5 MB, then a byte a second."""

    def __init__(self, site) -> None:
        super().__init__(daemon=True)
        self.site = site
        self.ended = threading.Event()

    def run(self) -> None:
        head = (
            f"POST /identify HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {self.site.key}\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000000\r\n\r\n--x"
        )
        with socket.create_connection(("127.0.0.1", self.site.port)) as connection:
            connection.sendall(head.encode())
            while not self.ended.wait(1):
                connection.sendall(b"a")


@pytest.mark.slow
def test_slow_uploads_delay_nobody(make_site, photos):
    site = make_site()
    assert site.post_photo("/identify", photos.obama).status_code == 200  # networks are loaded
    clients = [Slow(site) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    ends, longest, answered = time.monotonic() + SECONDS, 0.0, 0
    while time.monotonic() < ends:
        began = time.monotonic()
        assert site.call("GET", "/users").status_code == 200
        assert site.post_photo("/identify", photos.obama).status_code == 200
        longest, answered = max(longest, (time.monotonic() - began) / 2), answered + 1
    for client in clients:
        client.ended.set()
    assert longest < BOUND and answered > 4
