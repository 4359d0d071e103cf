"""``manage.py worker``: run imports, and the daily purge, until it is told to end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections, connections
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands import db_worker

from facesite.memory import give_back_often
from recognition import worker

LOW_PRIORITY = 10  # of nice(1): requests come first
PAUSE = 1.0  # seconds between two looks for work
REST = 60.0  # seconds without work after which memory is given back
TIDY = 3600.0  # seconds


class Command(BaseCommand):
    help = (
        "Run imports, each by one worker at a time, and once a day the purge (`manage.py purge "
        "--yes`). Ctrl-C ends it after the file it is at."
    )
    requires_system_checks: ClassVar[list[str]] = []  # `serve` has made them; an idle one is small

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--supervised", action="store_true", help="end when the parent process has ended"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work, and begin anew, as a fresh process, after a while without work."""
        worker.stop.parent = os.getppid() if options["supervised"] else None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask_to_stop)
        os.setpriority(os.PRIO_PROCESS, 0, LOW_PRIORITY)
        give_back_often()
        logging.getLogger("django_tasks_db").setLevel(logging.WARNING)  # it tells of every look
        worker_id = get_random_string(32)
        with worker.alive(worker_id):
            work(worker_id)
        connections.close_all()
        if not worker.stop:
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  # this very command


def ask_to_stop(*_: object) -> None:
    worker.stop.asked = True


def work(worker_id: str) -> None:
    """Run what there is to run, until told to stop, or long without work and no longer small."""
    idle_since, tidied = time.monotonic(), -TIDY
    while not worker.stop:
        close_old_connections()
        if time.monotonic() - tidied > TIDY:
            worker.tidy()
            worker.purge_daily(worker_id)
            tidied = time.monotonic()
        if "recognition.vault" in sys.modules:  # a worker without work has not loaded it
            sys.modules["recognition.vault"].keys().close_unusable()
        if worker.has_tasks():
            run_one(worker_id)
            idle_since = time.monotonic()
            continue
        worker.take_up(worker_id)
        if time.monotonic() - idle_since > REST and "recognition.runtime" in sys.modules:
            return
        time.sleep(PAUSE)


def run_one(worker_id: str) -> None:
    """Run one task, if no other worker is quicker."""
    db_worker.Worker(
        queue_names=["default"],
        interval=0,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=1,
        worker_id=worker_id,
        excluded_queue_names=[],
    ).run()
