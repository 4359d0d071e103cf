"""Pictures that are references already: what they show, and making them anew."""

from __future__ import annotations

import numpy as np

from recognition.models import OtherEmbedding, Reference
from recognition.pipeline.types import LANDMARKS, Box, Detection, Face, Quality

MADE = (
    "embedder", "sealed_embedding", "box", "landmarks", "detection_probability", "quality",
    "sealed_crop", "sealed_context", "context_place",
)  # fmt: skip


def renew(made: Reference) -> None:
    """Store ``made`` in the place of the reference that has its id, and another embedder.

    The embedding of before stays beside it, for the gallery's way back to that embedder.
    """
    old = Reference.objects.get(pk=made.pk)
    if old.embedder == made.embedder:  # the picture was sent twice at once
        return
    beside = OtherEmbedding(reference=old, embedder=old.embedder, sealed=old.sealed_embedding)
    OtherEmbedding.objects.bulk_create([beside], ignore_conflicts=True)
    Reference.objects.bulk_update([made], MADE)


def face_of(reference: Reference) -> Face:
    """Return the face that a reference was made from, without crop and embedding."""
    landmarks = np.array([reference.landmarks[name] for name in LANDMARKS], np.float32)
    box = Box(**reference.box)
    detection = Detection(box, landmarks, reference.detection_probability, outline=box)
    return Face(detection, Quality(**reference.quality))
