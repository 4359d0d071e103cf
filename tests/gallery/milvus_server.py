"""A real Milvus on loopback: ``milvus-lite server``, which speaks the protocol of the large one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

from pymilvus import MilvusClient, MilvusException

from tests.servers import Stoppable, free_port

START_SECONDS = 30


class MilvusServer(Stoppable):
    """A server that can be started again on the same port and data."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="facesite-milvus-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--data-dir", str(self.data)]
        command = [sys.executable, "-m", "milvus_lite", "server", *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client().list_collections(timeout=1)
                return
            except MilvusException:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def client(self) -> Any:
        """Return a client of its own, which knows nothing of Facesite."""
        return MilvusClient(self.uri, timeout=2, dedicated=True)

    def empty(self) -> None:
        """Delete everything that a killed one holds."""
        shutil.rmtree(self.data)
