"""nginx as docs/scaling.md runs it, on a free port, and small servers to put behind it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from tests.servers import ROOT, START_SECONDS, free_port

CONFIGURATION = ROOT / "deploy" / "nginx" / "nginx.conf"
SBIN = "/usr/sbin:/usr/local/sbin"  # on root's PATH alone


def nginx_program() -> str:
    """Return the path of a real nginx."""
    found = shutil.which("nginx") or shutil.which("nginx", path=SBIN)
    # Where apt is out of reach `make test` runs without; .ci/run installs it and allows no skip.
    return str(found or pytest.skip("NOT TESTED, there is no nginx here: apt install nginx"))


class Front:
    """A real nginx with the repository's configuration in front of two servers on this machine.

    Only names and places are changed, and ``changes``, which make a test quick.
    """

    def __init__(self, folder: Path, servers: tuple[int, int], **changes: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(self._adapted(servers, changes))

    def _adapted(self, servers: tuple[int, int], changes: dict[str, str]) -> str:
        text = CONFIGURATION.read_text().replace(" /tmp/", f" {self.folder}/")
        places = {
            "listen 8080;": f"listen 127.0.0.1:{self.port};",
            "server app:8000 ": f"server 127.0.0.1:{servers[0]} ",
            "server app2:8000 ": f"server 127.0.0.1:{servers[1]} ",
            "/etc/nginx/https/": f"{self.folder}/https/",
            "/dev/shm/": f"{self.folder}/",
            "/dev/stdout": f"{self.folder}/access.log",
            "/dev/stderr": f"{self.folder}/error.log",
            **{f"{name} ": f"{name} {value}; #" for name, value in changes.items()},
        }
        for old, new in places.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text

    def command(self, *options: str) -> list[str]:
        # As root, the worker would be somebody who may not enter the folder of a test.
        user = "user root; " if os.geteuid() == 0 else ""
        options = ("-c", str(self.configuration), "-g", f"{user}daemon off;", *options)
        return [nginx_program(), "-e", str(self.folder / "error.log"), *options]

    def start(self) -> Front:
        self.process = subprocess.Popen(self.command())
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                requests.get(f"{self.url}/health", timeout=20)
                break
            except requests.ConnectionError:
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.02)
        # From now on a body that is written to a file is a body that is lost.
        (self.folder / "facesite-bodies").rmdir()
        return self

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)

    def log(self) -> str:
        return (self.folder / "access.log").read_text()


class Fake:
    """A server that keeps what it is asked, and answers every request alike."""

    def __init__(self, status: int = 200) -> None:
        self.asked: list[dict[str, Any]] = []
        self.connections: list[socket.socket] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                fake.connections.append(self.connection)

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                request = {"path": self.path, "length": len(body), "headers": self.headers}
                if self.path != "/health":  # by which a test waits for nginx
                    fake.asked.append(request)
                self.answer(status)

            def answer(self, status: int) -> None:
                if not status:
                    self.close_connection = True  # and not a word
                    return
                text = json.dumps({"code": "overloaded"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

            do_GET = do_POST = do_DELETE = handle_any

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End it as a process ends, with its open connections."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            if connection.fileno() >= 0:
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()
