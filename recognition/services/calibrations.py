"""Which measured error rates are in force; decisions follow in every process at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from recognition.errors import RecognitionError
from recognition.models import GALLERY_NAME, StoredCalibration
from recognition.services.people import record_act
from recognition.services.results import Actor


def store_calibration(name: str, document: Mapping[str, Any], *, actor: Actor) -> StoredCalibration:
    """Keep what was measured under a new name; it is not in force yet."""
    check_name(name)
    with transaction.atomic():
        kept = StoredCalibration.objects.create(
            name=name, embedder=document["embedder"], document={**document, "id": name}
        )
        _record("store_calibration", kept, actor)
    return kept


def check_name(name: str) -> None:
    """Raise ``invalid_request`` where no new calibration may be called so."""
    if not GALLERY_NAME.match(name):
        raise RecognitionError("invalid_request", "A name is 1 to 64 characters of a-z 0-9 - _.")
    if StoredCalibration.objects.filter(name=name).exists():
        hint = "Take another name; `manage.py calibrations` lists those there are."
        detail = f"A calibration {name!r} exists already."
        raise RecognitionError("invalid_request", detail, hint=hint)


def activate(calibration: StoredCalibration, *, actor: Actor) -> None:
    """Decide by ``calibration`` from now on, wherever its embedder is used."""
    with transaction.atomic():
        _in_force(calibration.embedder).update(active=False)
        StoredCalibration.objects.filter(pk=calibration.pk).update(active=True)
        _record("activate_calibration", calibration, actor)


def deactivate(embedder: str, *, actor: Actor) -> None:
    """Decide by the calibration that ships with ``embedder`` again."""
    with transaction.atomic():
        for calibration in _in_force(embedder):
            _in_force(embedder).update(active=False)
            _record("deactivate_calibration", calibration, actor)


def _in_force(embedder: str) -> Any:
    return StoredCalibration.objects.filter(embedder=embedder, active=True)


def _record(act: str, calibration: StoredCalibration, actor: Actor) -> None:
    record_act(act, actor, decision={"calibration": calibration.name})
