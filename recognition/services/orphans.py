"""What an erasure should have taken, sought in every store."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from recognition import runtime, vault
from recognition.errors import RecognitionError
from recognition.gallery.follow import CopyLostError
from recognition.models import Erasure, GalleryChange, Reference, Subject, Suppression, in_parts
from recognition.services.erasure import erase_subjects
from recognition.services.receipts import HASHING, finish, hashes_of, hashing_key, logged
from recognition.services.results import Actor

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Orphans:
    """What was found: numbers of subjects, but for ``unfinished``, a count."""

    unfinished: int = 0
    keys: list[int] = field(default_factory=list)  # without a subject
    locked: list[int] = field(default_factory=list)  # people with references and without a key
    returned: list[int] = field(default_factory=list)  # people who were erased
    copied: list[int] = field(default_factory=list)  # in Redis, and not to be matched

    @property
    def found(self) -> bool:
        return bool(self.unfinished or self.keys or self.returned or self.copied)


def search() -> Orphans:
    """Look everywhere; nothing is changed."""
    return Orphans(
        unfinished=Erasure.objects.filter(finished=False).count(),
        keys=[number for page in vault.keys().pages() for number in _unknown(page)],
        locked=_locked(),
        returned=_returned(),
        copied=_copied(),
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
    if orphans.copied and (copy := runtime.template_cache()):
        copy.forget()
        runtime.publish()


def _unknown(numbers: Iterable[int]) -> list[int]:
    """Return those of ``numbers`` whom no subject has."""
    unknown: list[int] = []
    for some in in_parts(n for n in numbers if n != HASHING):
        known = Subject.objects.filter(number__in=some).values_list("number", flat=True)
        unknown += sorted(set(some) - set(known))
    return unknown


def _locked() -> list[int]:
    owners = Reference.objects.order_by().values_list("subject__number", flat=True).distinct()
    found: list[int] = []
    for some in in_parts(owners.iterator()):
        found += sorted(set(some) - set(vault.keys().read(some)))
    return found


def _returned() -> list[int]:
    """Return people whom the log or a suppression says are erased."""
    return people_of(logged() | set(Suppression.objects.values_list("user_hash", flat=True)))


def people_of(gone: set[str]) -> list[int]:
    """Return the numbers of those whose hash is in ``gone``."""
    if not gone:
        return []
    key = hashing_key()
    columns = ("number", "gallery__token", "gallery__name", "user_id")
    people = Subject.objects.values_list(*columns).iterator()
    return [
        number
        for number, token, name, user_id in people
        if not gone.isdisjoint(hashes_of(token, name, user_id, key))
    ]


def _copied() -> list[int]:
    copy = runtime.template_cache()
    loaded = copy.load() if copy else None
    if loaded is None:
        return []
    found: list[int] = []
    try:
        for block in loaded[1]:
            for some in in_parts(block.numbers.tolist()):
                matched = Subject.objects.filter(number__in=some, active=True)
                found += sorted(set(some) - set(matched.values_list("number", flat=True)))
    except CopyLostError as lost:  # there is none, then
        log.warning("the copy in Redis cannot be looked through: %s", lost)
    return found
