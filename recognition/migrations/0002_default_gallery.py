"""Make the gallery that exists from the start."""

from __future__ import annotations

from django.db import migrations


def make_default_gallery(apps, schema_editor):
    apps.get_model("recognition", "Gallery").objects.get_or_create(name="default")


class Migration(migrations.Migration):
    dependencies = [("recognition", "0001_initial")]
    operations = [migrations.RunPython(make_default_gallery, migrations.RunPython.noop)]
