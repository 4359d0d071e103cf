"""The process that runs imports, and the daily purge: its sign of life, and how it gets its work.

What is imported here stays light: an idle worker holds no networks and no index, nor the libraries
for them. A task of django-tasks only wakes a worker up. Whose an import is, its own row says, so
that a task may be lost with the worker that took it, or come twice.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections, transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import TaskContext, task
from django_tasks_db.models import DBTaskResult

from recognition.errors import RecognitionError
from recognition.import_models import BEAT, DailyJob, Import, Worker

log = logging.getLogger(__name__)

UPLOAD_KEPT = timedelta(days=1)  # of an upload that nobody goes on with
TASKS_KEPT = timedelta(days=1)
PURGE = "purge"  # the job that is done once a day


class Stop:
    """Whether this process was asked to end, or the one that it works for is gone.

    A plain value and no ``threading.Event``: a signal would find the lock of one taken.
    """

    asked = False
    parent: int | None = None

    def __bool__(self) -> bool:
        return self.asked or self.parent not in {None, os.getppid()}


stop = Stop()


@task(takes_context=True)
def run_import(context: TaskContext, import_id: str) -> None:
    """Run an import, or what is left of it."""
    from recognition.services import importing

    importing.run(UUID(import_id), context.task_result.worker_ids[-1])


def enqueue(import_id: UUID) -> None:
    """Wake up a worker for an import, in the transaction that says that it waits."""
    run_import.enqueue(str(import_id))


def take_up(worker_id: str) -> None:
    """Let imports that nobody works on wait for a worker anew."""
    for import_id in Import.objects.orphaned(worker_id).values_list("pk", flat=True):
        with transaction.atomic():
            orphan = Import.objects.orphaned(worker_id).filter(pk=import_id)
            if orphan.update(state=Import.WAITING, worker=None, changed=timezone.now()):
                log.info("Import %s is taken up again", import_id)
                enqueue(import_id)
    Worker.objects.gone().delete()


def purge_daily(worker_id: str) -> None:
    """Erase whose time is over: once a day, by one worker of all."""
    from recognition.retention import anybody_due

    if not DailyJob.objects.claim(PURGE, timezone.localdate(), worker_id):
        return
    try:
        erased = _purged() if anybody_due() else 0
        log.info("Daily purge: %d people are erased, whose time was over", erased)
    except RecognitionError as error:
        log.error("Daily purge: %s %s", error.detail, error.hint)
    except DatabaseError as error:  # imports shall go on; tomorrow is another day
        log.error("Daily purge: the database does not answer: %s", error)
    DailyJob.objects.end(PURGE, worker_id)


def _purged() -> int:
    from recognition.services.purging import purge
    from recognition.services.results import Actor

    return sum(len(receipts) for receipts in purge(Actor("worker:purge")).values())


def has_tasks() -> bool:
    """Say whether there is a task that no worker has begun."""
    return bool(DBTaskResult.objects.ready().exists())


def tidy() -> None:
    """Erase uploads that nobody goes on with, and what is told of imports of long ago."""
    now = timezone.now()
    DBTaskResult.objects.finished().filter(finished_at__lt=now - TASKS_KEPT).delete()
    abandoned = Q(state=Import.UPLOADING, changed__lt=now - UPLOAD_KEPT)
    old = Q(finished__lt=now - timedelta(days=settings.EVENTS_KEEP))
    erased = Import.objects.filter(abandoned | old)
    if erased.exists():
        from recognition.services.erasure import erase_bytes
        from recognition.services.waiting import destroy_unused_keys

        with transaction.atomic():
            erase_bytes(erased)
            transaction.on_commit(destroy_unused_keys)


@contextmanager
def alive(worker_id: str) -> Iterator[None]:
    """Give a sign of life every ``BEAT`` seconds, in a thread: loading an index takes longer."""
    Worker.objects.create(id=worker_id)
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=[worker_id, ended], name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        Worker.objects.filter(pk=worker_id).delete()


def _beat(worker_id: str, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        try:
            # One that was held up for long, and taken for gone, is back by this.
            Worker.objects.update_or_create(id=worker_id, defaults={"seen": timezone.now()})
        except DatabaseError as error:
            log.error("worker: the database does not answer: %s", error)
    connections.close_all()
