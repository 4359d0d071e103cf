"""A reference made anew from its photograph, where its gallery has another embedder by now."""

from __future__ import annotations

from recognition.models import OtherEmbedding, Reference

MADE = (
    "embedder", "sealed_embedding", "box", "landmarks", "detection_probability", "quality",
    "sealed_crop", "sealed_context", "context_place",
)  # fmt: skip


def renew(made: Reference) -> None:
    """Store ``made`` in the place of the reference that has its id.

    The embedding of before stays beside it, for the gallery's way back to that embedder.
    """
    old = Reference.objects.get(pk=made.pk)
    if old.embedder == made.embedder:  # the picture was sent twice at once
        return
    beside = OtherEmbedding(reference=old, embedder=old.embedder, sealed=old.sealed_embedding)
    OtherEmbedding.objects.bulk_create([beside], ignore_conflicts=True)
    Reference.objects.bulk_update([made], MADE)
