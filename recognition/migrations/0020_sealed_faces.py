"""Embeddings, crops and templates are sealed, those that are there already included."""

from __future__ import annotations

from typing import Any

import django.db.models
from django.db import migrations

from recognition import vault
from recognition.sealing import label, seal

PAGE = 500  # people sealed at once


def seal_faces(apps: Any, schema_editor: Any) -> None:
    """Seal what the database holds; on SQLite the clear bytes leave its log, too."""
    subjects = apps.get_model("recognition", "Subject").objects.order_by("pk")
    page, last = list(subjects[:PAGE]), 0
    while page:
        _seal_page(apps, page)
        last = page[-1].pk
        page = list(subjects.filter(pk__gt=last)[:PAGE])


def _seal_page(apps: Any, subjects: list[Any]) -> None:
    reference = apps.get_model("recognition", "Reference")
    template = apps.get_model("recognition", "PersonTemplate")
    numbers = {subject.pk: subject.number for subject in subjects}
    keys = vault.made_keys(numbers.values())
    references = list(reference.objects.filter(subject__in=subjects))
    for row in references:
        key = keys[numbers[row.subject_id]]
        row.sealed_embedding = _sealed(key, row.sealed_embedding, "embedding", row.pk, row.embedder)
        if row.sealed_crop is not None:
            row.sealed_crop = _sealed(key, row.sealed_crop, "crop", row.pk, row.embedder)
    reference.objects.bulk_update(references, ["sealed_embedding", "sealed_crop"], batch_size=50)
    templates = list(
        template.objects.filter(subject__in=subjects).select_related("subject__gallery")
    )
    for row in templates:
        number, row.embedder = numbers[row.subject_id], row.subject.gallery.embedder
        row.sealed = _sealed(keys[number], row.sealed, "template", number, row.embedder)
    template.objects.bulk_update(templates, ["sealed", "embedder"], batch_size=50)


def _sealed(key: bytes, content: bytes, *named: object) -> bytes:
    return seal(key, bytes(content), label(*map(str, named)))


class Migration(migrations.Migration):
    dependencies = [("recognition", "0011_review")]

    operations = [
        migrations.RenameField("reference", "embedding", "sealed_embedding"),
        migrations.RenameField("reference", "crop", "sealed_crop"),
        migrations.RenameField("persontemplate", "vector", "sealed"),
        migrations.AddField(
            "persontemplate",
            "embedder",
            django.db.models.CharField(default="", max_length=64),
        ),
        migrations.RunPython(seal_faces),
    ]
