"""Keep a worker running beside a server, as long as that runs."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time

COMMAND = [sys.executable, "-m", "facesite", "worker", "--supervised"]
LOOK = 0.5  # seconds between two looks at the worker and at the server
PAUSE = 3.0  # seconds before a worker that died is started again
PATIENCE = 20.0  # seconds in which a worker may end its file

log = logging.getLogger(__name__)


def keep_a_worker() -> None:
    """Fork a process that runs ``manage.py worker``, and again if it dies, until this one ends.

    gunicorn, into which this process turns, knows nothing of that child.
    """
    server = os.getpid()
    if os.fork() == 0:
        try:
            supervisor = Supervisor(server)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, supervisor.end)
            supervisor.run()
        finally:
            os._exit(0)  # the server's own clean-up is not for this copy of it


class Supervisor:
    """The process between a server and its worker."""

    def __init__(self, server: int) -> None:
        self.server, self.ended = server, False

    def end(self, *_: object) -> None:
        self.ended = True

    @property
    def shall_end(self) -> bool:
        return self.ended or os.getppid() != self.server

    def run(self) -> None:
        while not self.shall_end:
            try:
                worker = subprocess.Popen(COMMAND)
            except OSError as error:  # no memory is left, or no process
                log.error("The worker for imports cannot be started, it is tried again: %s", error)
                self.pause()
            else:
                self.keep(worker)

    def keep(self, worker: subprocess.Popen[bytes]) -> None:
        """Wait until a worker has died, and a little longer; or end it where all shall end."""
        while not self.shall_end and worker.poll() is None:
            time.sleep(LOOK)
        if self.shall_end:
            finish(worker)
            return
        log.error("The worker for imports ended with %s; it is started again.", worker.returncode)
        self.pause()

    def pause(self) -> None:
        ends = time.monotonic() + PAUSE
        while not self.shall_end and time.monotonic() < ends:
            time.sleep(LOOK)


def finish(worker: subprocess.Popen[bytes]) -> None:
    """Let a worker end the file it is at, and no more."""
    worker.terminate()
    try:
        worker.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
