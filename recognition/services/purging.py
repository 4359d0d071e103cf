"""Erasing those whose time is over, through the one way of erasing, with receipts."""

from __future__ import annotations

from collections.abc import Iterator

from recognition.models import Subject, in_parts
from recognition.retention import RULES
from recognition.services.erasure import erase_subjects
from recognition.services.people import record_act
from recognition.services.results import Actor, Receipt

PORTION = 1000  # people read at once


def due(gallery: str = "") -> Iterator[tuple[str, Subject]]:
    """Yield why and whom a purge would erase; ``gallery``: in that one alone."""
    for reason, rule in RULES.items():
        people = rule().filter(gallery__name=gallery) if gallery else rule()
        for subject in people.select_related("gallery").order_by("pk").iterator(PORTION):
            yield reason, subject


def purge(actor: Actor, gallery: str = "") -> dict[str, list[Receipt]]:
    """Erase those whose time is over; return their receipts by the reason."""
    doomed: dict[str, list[int]] = {reason: [] for reason in RULES}
    for reason, subject in due(gallery):
        doomed[reason].append(subject.pk)
    receipts = {reason: _erased(reason, keys, actor) for reason, keys in doomed.items()}
    if any(receipts.values()):
        counts = {reason: len(some) for reason, some in receipts.items()}
        record_act("purge", actor, decision=counts)
    return receipts


def _erased(reason: str, keys: list[int], actor: Actor) -> list[Receipt]:
    receipts: list[Receipt] = []
    for some in in_parts(keys):
        # Asked again under the lock: somebody may have been matched, or got a later date, since.
        erased = erase_subjects(RULES[reason]().filter(pk__in=some), actor=actor)
        receipts += erased.receipts
    return receipts
