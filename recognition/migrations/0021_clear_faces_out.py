"""What stood in the clear until 0020 leaves the files of the database."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def clear_out(apps: Any, schema_editor: Any) -> None:
    """Write the tables anew, where there was something in them."""
    reference = apps.get_model("recognition", "Reference")
    template = apps.get_model("recognition", "PersonTemplate")
    if not (reference.objects.exists() or template.objects.exists()):
        return
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            for model in (reference, template):
                cursor.execute(f"VACUUM FULL {model._meta.db_table}")
        else:  # secure_delete has overwritten the rows; the log still holds the old pages
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("recognition", "0020_sealed_faces")]
    operations = [migrations.RunPython(clear_out, migrations.RunPython.noop)]
