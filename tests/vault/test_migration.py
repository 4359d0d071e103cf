"""Faces that were stored in the clear are sealed when the tables are brought up to date."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps

from recognition.models import PersonTemplate, Reference

migration = import_module("recognition.migrations.0020_sealed_faces")


def test_faces_in_the_clear_are_sealed(register):
    register("barack", "obama")
    reference, template = Reference.objects.get(), PersonTemplate.objects.get()
    embedding, crop, vector = reference.embedding, reference.crop, template.vector
    Reference.objects.update(sealed_embedding=embedding, sealed_crop=crop)
    PersonTemplate.objects.update(sealed=vector, embedder="")
    migration.seal_faces(apps, None)
    reference, template = Reference.objects.get(), PersonTemplate.objects.get()
    assert embedding not in bytes(reference.sealed_embedding)
    assert (reference.embedding, reference.crop) == (embedding, crop)
    assert template.vector == vector
