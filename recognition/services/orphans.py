"""What an erasure should have taken, sought in every store."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from recognition import runtime, vault
from recognition.errors import RecognitionError
from recognition.gallery.follow import CopyLostError
from recognition.gallery.milvus import BLOCK
from recognition.gallery.sync import settle
from recognition.import_models import Import, ImportFile, ImportSlice
from recognition.models import Erasure, GalleryChange, Reference, Subject, in_parts
from recognition.services import waiting
from recognition.services.erasure import erase_bytes, erase_subjects
from recognition.services.people import record_act
from recognition.services.receipts import (
    HASHING,
    finish,
    hashes_of,
    hashing_key,
    logged,
    suppressed,
)
from recognition.services.results import Actor

log = logging.getLogger(__name__)

OVER = Q(batch__state__in=Import.OVER)


@dataclass(frozen=True, slots=True)
class Orphans:
    """What was found: numbers of subjects, but for those that say otherwise."""

    unfinished: int = 0  # a count
    keys: list[int] = field(default_factory=list)  # without a subject
    locked: list[int] = field(default_factory=list)  # people with references and without a key
    returned: list[int] = field(default_factory=list)  # people who were erased
    copied: list[int] = field(default_factory=list)  # in Redis, and not to be matched
    engine: dict[str, list[int]] = field(default_factory=dict)  # in Milvus so, by embedder
    waiting: list[int] = field(default_factory=list)  # files that wait, of who was erased: ids
    left: int = 0  # a count: files, or slices of ZIPs, in imports that are over
    import_keys: int = 0  # a count: of imports that are over, or gone

    @property
    def found(self) -> bool:
        lists = (self.keys, self.returned, self.copied, self.engine, self.waiting)
        return any(lists) or bool(self.unfinished or self.left or self.import_keys)


def search() -> Orphans:
    """Look everywhere; nothing is changed, but that Milvus follows what it has not followed yet."""
    gone = logged() | suppressed()
    return Orphans(
        unfinished=Erasure.objects.filter(finished=False).count(),
        keys=[number for page in vault.keys().pages() for number in _unknown(page)],
        locked=without_key(),
        returned=people_of(gone),
        copied=_copied(),
        engine=_in_engine(),
        waiting=_waiting(gone),
        left=sum(rows.count() for rows in _left()),
        import_keys=len(waiting.unused_keys()),
    )


def mend(orphans: Orphans, actor: Actor, *, nobody: bool = False) -> None:
    """Erase what was found, but for people without a key: nothing can be read of them.

    ``nobody``: it is right that nobody is registered at all. Else keys are not destroyed then:
    the database may be the wrong one, or lost, and every face would be.
    """
    finish()
    left = vault.keys().read(orphans.keys)
    if left and not nobody and not Subject.objects.exists():
        raise RecognitionError(
            "invalid_request",
            f"Nobody is registered in this database, and {len(left)} keys are kept.",
            hint="See that DATABASE_URL names the right one. If so: --mend --nobody.",
        )
    with transaction.atomic():
        GalleryChange.lock()  # whoever is being registered has their key before their row
        vault.keys().destroy(_unknown(orphans.keys))
        for some in in_parts(orphans.returned):
            erase_subjects(Subject.objects.filter(number__in=some), actor=actor)
        for some in in_parts(orphans.waiting):
            waiting.forget_files(ImportFile.objects.filter(pk__in=some))
        for rows in _left():
            erase_bytes(rows)
        record_act("mend_erasures", actor, decision={"keys": len(orphans.keys)})
    waiting.destroy_unused_keys()
    _mend_copies(orphans)


def _mend_copies(orphans: Orphans) -> None:
    if orphans.copied and (copy := runtime.template_cache()):
        copy.forget()
        runtime.publish()
    engine = runtime.engine()
    for embedder, numbers in orphans.engine.items():
        for first in range(0, len(numbers), BLOCK):
            if engine:
                settle(engine, embedder, numbers[first : first + BLOCK])


def _unknown(numbers: Iterable[int]) -> list[int]:
    """Return those of ``numbers`` whom no subject has; those of imports are none of theirs."""
    unknown: list[int] = []
    for some in in_parts(n for n in numbers if n > HASHING):
        known = Subject.objects.filter(number__in=some).values_list("number", flat=True)
        unknown += sorted(set(some) - set(known))
    return unknown


def _unmatched(numbers: Iterable[int]) -> list[int]:
    """Return those of ``numbers`` who may not be matched, or are nobody."""
    found: list[int] = []
    for some in in_parts(numbers):
        matched = Subject.objects.filter(number__in=some, active=True)
        found += sorted(set(some) - set(matched.values_list("number", flat=True)))
    return found


def without_key() -> list[int]:
    """Return the numbers of people who have references that nothing opens."""
    owners = Reference.objects.order_by().values_list("subject__number", flat=True).distinct()
    found: list[int] = []
    for some in in_parts(owners.iterator()):
        found += sorted(set(some) - set(vault.keys().read(some)))
    return found


def people_of(gone: set[str]) -> list[int]:
    """Return the numbers of those whose hash is in ``gone``."""
    columns = ("number", "gallery__token", "gallery__name", "user_id")
    return _of_gone(Subject.objects.values_list(*columns), gone)


def _waiting(gone: set[str]) -> list[int]:
    """Return the files that wait and are of those whose hash is in ``gone``."""
    columns = ("pk", "batch__gallery__token", "batch__gallery__name", "user_id")
    files = ImportFile.objects.filter(state__in=ImportFile.OPEN).exclude(user_id="")
    return _of_gone(files.values_list(*columns), gone)


def _of_gone(rows: QuerySet[Any, Any], gone: set[str]) -> list[int]:
    """Return the firsts of ``rows``, which go on with a gallery's token and name, and a user_id."""
    if not gone:
        return []
    key = hashing_key()
    return [
        first
        for first, token, name, user_id in rows.iterator()
        if not gone.isdisjoint(hashes_of(token, name, user_id, key))
    ]


def _left() -> tuple[QuerySet[Any], QuerySet[Any]]:
    """Return the files and slices that imports have kept, although they are over."""
    files = ImportFile.objects.filter(OVER, data__isnull=False)
    return files, ImportSlice.objects.filter(OVER)


def _copied() -> list[int]:
    copy = runtime.template_cache()
    loaded = copy.load() if copy else None
    found: list[int] = []
    try:
        for block in loaded[1] if loaded else ():
            found += _unmatched(block.numbers.tolist())
    except CopyLostError as lost:  # there is none, then
        log.warning("the copy in Redis cannot be looked through: %s", lost)
    return found


def _in_engine() -> dict[str, list[int]]:
    """Return whom Milvus holds by embedder, and should not."""
    engine = runtime.engine()
    if engine is None:
        return {}
    found = {
        embedder: [n for rows in collection.in_order() for n in _unmatched(rows.numbers.tolist())]
        for embedder, collection in engine.milvus.collections(engine.catch_up().epoch).items()
    }
    return {embedder: numbers for embedder, numbers in found.items() if numbers}
