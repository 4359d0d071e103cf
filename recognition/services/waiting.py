"""What waits in imports: sealed under a key of each import's own, and forgotten with a person.

The key goes when the import is over: what copies of the database hold of its files is noise then.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import PurePath

from django.db import transaction
from django.db.models import QuerySet

from recognition import vault
from recognition.import_models import SLICE_LIMIT, UNNAMED, Import, ImportFile, key_number
from recognition.models import GalleryChange, Subject
from recognition.sealing import SealBrokenError
from recognition.services import archive
from recognition.services.folders import claimed_id

log = logging.getLogger(__name__)


def make_key(batch: Import) -> None:
    """Give an import its key, in the transaction that begins it."""
    GalleryChange.lock()  # whoever wraps keys anew, or looks for those of no import, waits
    vault.made_keys([batch.key_number])


def unused_keys() -> set[int]:
    """Return the numbers of keys whose imports are over, or gone."""
    under_way = Import.objects.exclude(state__in=Import.OVER).values_list("pk", flat=True)
    return set(vault.keys().below(0)) - set(map(key_number, under_way))


def destroy_unused_keys() -> None:
    """Destroy the keys of imports that are over, or gone."""
    with transaction.atomic():
        GalleryChange.lock()  # an import that begins has its key before its row is seen
        vault.keys().destroy(unused_keys())


def forget(subjects: Iterable[Subject]) -> None:
    """Erase what is held of people: files that wait, also within a ZIP, and lines of reports.

    ``subjects``: at most as many as one ``IN (...)`` takes.
    """
    by_gallery: dict[int, list[Subject]] = {}
    for subject in subjects:
        by_gallery.setdefault(subject.gallery_id, []).append(subject)
    for gallery, people in by_gallery.items():
        user_ids = [subject.user_id for subject in people]
        forget_files(ImportFile.objects.filter(batch__gallery=gallery, user_id__in=user_ids))
        _forget_names(Import.objects.filter(gallery=gallery), people)


def _forget_names(imports: QuerySet[Import], people: Iterable[Subject]) -> None:
    """Take their names from imports that are called like people: of one folder, or its ZIP."""
    names = {name for one in people for name in (one.user_id, one.display_name) if name}
    for pk, called in imports.values_list("pk", "name"):
        bare = PurePath(called).stem
        if not names.isdisjoint({called, bare, claimed_id(called), claimed_id(bare)}):
            imports.filter(pk=pk).update(name=UNNAMED)


def forget_files(files: QuerySet[ImportFile]) -> None:
    """Erase files of imports and what reports say of them."""
    packed = files.filter(state=ImportFile.AWAITED, batch__kind=Import.ZIP)
    for batch in Import.objects.filter(pk__in=packed.values("batch")):
        _blank(batch, list(packed.filter(batch=batch).values_list("place", flat=True)))
    files.delete()


def _blank(batch: Import, places: list[int]) -> None:
    """Overwrite members of a ZIP, which nobody will unpack any more."""
    if not (batch.slices.exists() and vault.keys_of([batch.key_number])):
        return  # nothing of it can be read
    try:
        with archive.opened(batch) as file:
            extents = [archive.extent(file, place) for place in places]
        for begin, end in extents:
            _overwrite(batch, begin, end)
    except SealBrokenError as error:  # the others' files can be sent again
        log.error("import %s was altered, and loses its ZIP: %s", batch.pk, error)
        batch.slices.all().delete()


def _overwrite(batch: Import, begin: int, end: int) -> None:
    for piece in batch.slices.filter(offset__lt=end, offset__gt=begin - SLICE_LIMIT):
        data = bytearray(piece.open())
        first, last = max(begin - piece.offset, 0), min(end - piece.offset, len(data))
        if first < last:
            data[first:last] = bytes(last - first)
            piece.seal(bytes(data))
            piece.save(update_fields=["data"])
