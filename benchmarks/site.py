"""Facesite as it is served: ``manage.py serve`` in processes of its own, with a full gallery."""

from __future__ import annotations

import copy
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from benchmarks.client import Client

ROOT = Path(__file__).resolve().parent.parent
#: Nothing about threads: Facesite is measured with those it gives itself.
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
START_SECONDS = 120


def environment(folder: Path, networks: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a Facesite with ``settings``, cut off from that of the caller."""
    limits = ("REGISTER", "VERIFY", "IDENTIFY", "DEFAULT")
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "facesite.settings",
        "FACESITE_ENV_FILE": os.devnull,
        "FACESITE_DATA_DIR": str(folder),
        "FACESITE_NETWORKS_DIR": str(networks),
        "IMPORT_WORKER": "no",  # the server is measured
        **{f"RATE_{name}": "" for name in limits},
        **settings,
    }


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """One database with ``people`` in the gallery, and the server on it where it was started."""

    def __init__(self, folder: Path, networks: Path, embedder: str, people: int) -> None:
        self.embedder, self.people = embedder, people
        self._folder = folder
        self.port = free_port()
        self._environment = environment(folder, networks, FACE_MODEL=embedder, PORT=str(self.port))
        filled = self._run("-m", "benchmarks.fill", embedder, str(people))
        self.key = filled.strip().splitlines()[-1]
        self._server: psutil.Popen | None = None

    def twin(self) -> Site:
        """Return a second server, not started, on the same database."""
        other = copy.copy(self)
        other.port, other._server = free_port(), None
        other._environment = self._environment | {"PORT": str(other.port)}
        return other

    def start(self, **settings: str) -> None:
        """Start the server; ``client`` waits until it is ready."""
        with (self._folder / "server.log").open("ab") as log:
            self._server = psutil.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self._environment | settings,
                stdout=log,
                stderr=log,
            )

    def client(self) -> Client:
        """Return a client with a connection that stays open, once everybody is loaded."""
        assert self._server is not None, "start it first"
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                client = Client(self.port, self.key)
                break
            except ConnectionRefusedError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    log = (self._folder / "server.log").read_text()
                    raise RuntimeError(f"the server does not start:\n{log}") from None
                time.sleep(0.01)
        client.wait_until_ready()
        return client

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(timeout=40)
            self._server = None

    def cpu_seconds(self) -> float:
        """Return what master and workers have used of the processor so far."""
        times = [process.cpu_times() for process in self._processes()]
        return float(sum(each.user + each.system for each in times))

    def resident_mb(self) -> float:
        """Return the resident memory of master and workers, what they share counted twice."""
        return float(sum(process.memory_info().rss for process in self._processes()) / 2**20)

    def proportional_mb(self) -> float:
        """Return the same with what is shared counted once (Linux; else as ``resident_mb``)."""
        sizes = [process.memory_full_info() for process in self._processes()]
        return float(sum(getattr(size, "pss", size.rss) for size in sizes) / 2**20)

    def worker_mb(self) -> float:
        """Return the resident memory of the process that answers."""
        assert self._server is not None, "start it first"
        return float(sum(p.memory_info().rss for p in self._server.children()) / 2**20)

    def has_loaded(self, library: str) -> bool:
        """Say whether a shared library is in the memory of the serving processes."""
        return any(library in m.path for p in self._processes() for m in p.memory_maps())

    def _processes(self) -> list[psutil.Process]:
        assert self._server is not None, "start it first"
        return [self._server, *self._server.children(recursive=True)]

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, check=True, text=True
        )
        return done.stdout
