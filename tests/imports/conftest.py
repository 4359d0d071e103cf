"""The cast of imports: files sent as a browser sends them, and a worker in this process."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from recognition.import_models import Import, Worker
from recognition.models import Gallery
from recognition.services import importing, imports
from recognition.services.manifest import Entry
from recognition.worker import stop
from tests.conftest import TESTER

WORKER = "the worker of a test"


def packed(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP of files by path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return buffer.getvalue()


def begin_folder(gallery: Gallery, files: dict[str, bytes]) -> Import:
    """Begin an import of files by path, and send all that are wanted."""
    entries = [Entry(path, len(data)) for path, data in files.items()]
    batch = imports.begin_folder(gallery, "people", entries, TESTER)
    sent = list(files.values())
    imports.receive_files(batch, {place: sent[place] for place in imports.awaited(batch)})
    return batch


def begin_zip(gallery: Gallery, data: bytes, slice_length: int = 50_000) -> Import:
    """Begin an import of a ZIP, and send it in slices."""
    batch = imports.begin_zip(gallery, "people.zip", len(data), TESTER)
    for offset in range(0, len(data), slice_length):
        imports.receive_slice(batch, offset, data[offset : offset + slice_length])
    return batch


def run(batch: Import, worker: str = WORKER) -> Import:
    """Complete an import and do what a worker does with it; return it as it is then."""
    imports.complete(batch, TESTER)
    return work(batch.pk, worker)


def work(import_id: UUID, worker: str = WORKER) -> Import:
    Worker.objects.get_or_create(id=worker)
    importing.run(import_id, worker)
    return Import.objects.get(pk=import_id)


def outcomes(batch: Import) -> dict[str, str]:
    """Return what became of each file: its code, or its state where there is none."""
    return {file.path: file.code or file.state for file in batch.files.defer("data")}


@pytest.fixture
def stopped() -> Iterator[Callable[[], None]]:
    """Return a function that tells the worker of this process to end."""

    def now() -> None:
        stop.asked = True

    yield now
    stop.asked = False


def left(batch: Import) -> int:
    """Return how many files and slices still have their bytes."""
    return batch.files.exclude(data=None).count() + batch.slices.count()


def states(batch: Import) -> dict[str, int]:
    return {state: n for state, n in batch.counts().items() if n}
