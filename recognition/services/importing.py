"""The run of an import by a worker: file by file, so that it can end and go on anywhere.

A worker owns an import while the import's row names it. Each file is settled in one transaction
that begins by asking for that; who has lost the import writes nothing more. A file that was
registered, but not settled, by a worker that died is known by its bytes and not added twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from recognition.consent import from_json
from recognition.errors import RecognitionError
from recognition.import_models import Import, ImportFile
from recognition.models import Reference, Subject
from recognition.sealing import SealBrokenError
from recognition.services import archive
from recognition.services.erasure import erase_references, erase_subjects
from recognition.services.imports import finish
from recognition.services.manifest import Fault
from recognition.services.registration import RegisterOptions, register
from recognition.services.results import Actor, Match, Registration, Upload
from recognition.worker import enqueue, stop

log = logging.getLogger(__name__)

# A file that so many workers died of is left alone: it may be what they died of.
MOST_ATTEMPTS = 5
ALTERED = Fault(
    "internal_error",
    "What had arrived was altered in the database.",
    "Send it again in another import.",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a file; the names are those of ``ImportFile``."""

    state: str
    code: str = ""
    detail: str = ""
    hint: str = ""
    reference: str | None = None
    alike: list[tuple[int, float]] = field(default_factory=list)


def run(import_id: UUID, worker_id: str) -> None:
    """Go on with an import until it is done, cancelled or lost, or this process shall end."""
    waiting = Import.objects.filter(pk=import_id, state=Import.WAITING)
    if stop or not waiting.update(state=Import.RUNNING, worker=worker_id, changed=timezone.now()):
        return
    run = Run(Import.objects.select_related("gallery").get(pk=import_id), worker_id)
    try:
        run.unpack()
        while not stop and run.step():
            pass
    except RecognitionError as error:  # not of a picture: the service is not ready
        log.warning("Import %s waits: %s", import_id, error.code)  # the detail may name people
        run.release(f"{error.detail} {error.hint}")
    finally:
        run.release()


class Run:
    """One worker's run of one import."""

    def __init__(self, batch: Import, worker_id: str) -> None:
        self.batch = batch
        self.actor = Actor(batch.actor, batch.pk.hex)
        # Only while the import is this worker's does anything match.
        self.own = Import.objects.filter(pk=batch.pk, worker=worker_id, state=Import.RUNNING)

    def step(self) -> bool:
        """Do the next file; return False where there is nothing more to do."""
        batch = self.own.select_related("gallery").first()
        if batch is None:
            return False
        self.batch = batch  # read anew: its gallery may have got another name or policy
        file = batch.files.filter(state=ImportFile.READY).first()
        if file is None or batch.cancelled:
            self.finish(Import.CANCELLED if batch.cancelled else Import.DONE)
            return False
        return self.settle(file, self.outcome(file))

    def finish(self, state: str) -> None:
        with transaction.atomic():
            if self.own.update(changed=timezone.now()):
                finish(self.batch, state, self.actor)

    def release(self, trouble: str = "") -> None:
        """Let somebody go on, if the import is not over: at once, or later where it cannot now."""
        now = timezone.now()
        with transaction.atomic():
            ours = self.own.update(state=Import.WAITING, worker=None, trouble=trouble, changed=now)
            if ours and stop:
                enqueue(self.batch.pk)

    def unpack(self) -> None:
        """Give each file of a ZIP its bytes; those that have theirs already are left alone."""
        if self.batch.kind != Import.ZIP:
            return
        awaited = self.batch.files.filter(state=ImportFile.AWAITED)
        places = list(awaited.values_list("place", flat=True))
        try:
            if places and not self.keep_all(places):
                return
        except SealBrokenError as error:
            log.error("Import %s was altered: %s", self.batch.pk, error)
            for place in places:
                self.keep(place, ALTERED)
        with transaction.atomic():
            if self.own.update(changed=timezone.now()):
                self.batch.slices.all().delete()

    def keep_all(self, places: list[int]) -> bool:
        """Unpack files; return False where that is to end, for now or for good."""
        with archive.opened(self.batch) as file:
            return all(not stop and self.keep(p, archive.read(file, p)) for p in places)

    def keep(self, place: int, data: bytes | Fault) -> bool:
        """Store what was unpacked; return False where the import is cancelled or lost."""
        with transaction.atomic():
            if not self.own.filter(cancelled=False).update(changed=timezone.now()):
                return False
            row = self.batch.files.filter(place=place, state=ImportFile.AWAITED)
            if isinstance(data, bytes):
                sealed = self.batch.seal("file", place, data)
                row.update(data=sealed, size=len(data), state=ImportFile.READY)
            else:
                row.update(
                    state=ImportFile.REFUSED, code=data.code, detail=data.detail, hint=data.hint
                )
        return True

    def outcome(self, file: ImportFile) -> Outcome:
        """Register a file and return what came of it.

        Raises RecognitionError where that is not about the file.
        """
        if file.attempts >= MOST_ATTEMPTS:
            said = f"It was tried {file.attempts} times, and each time the worker ended."
            return Outcome(ImportFile.REFUSED, "internal_error", said, "Register it by itself.")
        self.batch.files.filter(pk=file.pk).update(attempts=file.attempts + 1)
        try:
            upload = Upload(PurePosixPath(file.path).name, file.open())
        except SealBrokenError as error:
            log.error("Import %s was altered: %s", self.batch.pk, error)
            return Outcome(ImportFile.REFUSED, ALTERED.code, ALTERED.detail, ALTERED.hint)
        consent = from_json(self.batch.consent)
        options = RegisterOptions(
            display_name=file.display_name or None, bulk=True, consent=consent
        )
        try:
            done = register(self.batch.gallery, file.user_id, [upload], options, self.actor)
        except RecognitionError as error:
            if error.problem.status >= 500:
                self.batch.files.filter(pk=file.pk).update(attempts=file.attempts)
                raise
            return Outcome(ImportFile.REFUSED, error.code, error.detail, error.hint)
        return self.registered(file, done)

    def registered(self, file: ImportFile, done: Registration) -> Outcome:
        [accepted] = done.accepted
        state = ImportFile.NEW if accepted.new or self.left_unsettled(accepted.reference_id) else ""
        alike = self.numbers(done.possible_duplicates)
        return Outcome(state or ImportFile.THERE, reference=accepted.reference_id, alike=alike)

    def left_unsettled(self, reference_id: str) -> bool:
        """Say whether a reference is newer than this import, and of no file: a worker died."""
        since = Reference.objects.filter(pk=reference_id, created__gte=self.batch.created)
        return since.exists() and not ImportFile.objects.filter(reference=reference_id).exists()

    def numbers(self, matches: list[Match]) -> list[tuple[int, float]]:
        """Return people as reports keep them: by number, with the similarity."""
        people = Subject.objects.filter(gallery=self.batch.gallery)
        numbers = dict(
            people.filter(user_id__in=[m.user_id for m in matches]).values_list("user_id", "number")
        )
        return [(numbers[m.user_id], m.similarity) for m in matches if m.user_id in numbers]

    def settle(self, file: ImportFile, outcome: Outcome) -> bool:
        """Write down what came of a file and erase its bytes; return False where it is not ours."""
        with transaction.atomic():
            if not self.own.update(changed=timezone.now(), trouble=""):
                return False
            kept = self.batch.files.filter(pk=file.pk).update(
                **{name: getattr(outcome, name) for name in Outcome.__slots__},
                finished=timezone.now(),
                data=None,
            )
        if not kept and outcome.state == ImportFile.NEW and outcome.reference:
            self.take_back(file, outcome.reference)
        return True

    def take_back(self, file: ImportFile, reference_id: str) -> None:
        """Erase the face of somebody who was erased while this file was being registered."""
        erase_references(Reference.objects.filter(pk=reference_id), actor=self.actor)
        people = Subject.objects.filter(gallery=self.batch.gallery, user_id=file.user_id)
        erase_subjects(people.filter(references=None), actor=self.actor)
