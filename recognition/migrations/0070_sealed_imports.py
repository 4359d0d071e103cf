"""Files that wait in imports are sealed, those that are there already included."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from recognition import vault
from recognition.import_models import key_number, part_label
from recognition.sealing import seal

PARTS = {"ImportFile": ("file", "place"), "ImportSlice": ("slice", "offset")}


def seal_imports(apps: Any, schema_editor: Any) -> None:
    """Seal what imports hold."""
    for name, (part, place) in PARTS.items():
        rows = apps.get_model("recognition", name).objects.exclude(data=None)
        for pk in rows.values_list("pk", flat=True):
            _seal_one(rows.get(pk=pk), part, place)


def _seal_one(row: Any, part: str, place: str) -> None:
    number, named = key_number(row.batch_id), part_label(row.batch_id, part, getattr(row, place))
    row.data = seal(vault.made_keys([number])[number], bytes(row.data), named)
    row.save(update_fields=["data"])


def clear_out(apps: Any, schema_editor: Any) -> None:
    """Let the clear bytes leave the files of the database, where there were any."""
    models = [apps.get_model("recognition", name) for name in PARTS]
    if not any(model.objects.exclude(data=None).exists() for model in models):
        return
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            for model in models:
                cursor.execute(f"VACUUM FULL {model._meta.db_table}")
        else:  # secure_delete has overwritten the rows; the log still holds the old pages
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Migration(migrations.Migration):
    atomic = False  # for VACUUM
    dependencies = [("recognition", "0060_key_networks_and_rate")]
    operations = [
        migrations.RunPython(seal_imports, migrations.RunPython.noop, atomic=True),
        migrations.RunPython(clear_out, migrations.RunPython.noop),
    ]
