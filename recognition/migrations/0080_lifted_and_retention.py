"""Lifted suppressions wait to be told to the log, galleries have a retention of their own, and
events that wait to be sealed bear the stamp of this service."""

from __future__ import annotations

from typing import Any

import django.core.validators
from django.db import migrations, models

from recognition.services.stamps import adopt, chain_key

PORTION = 1000


def stamp_what_waits(apps: Any, schema_editor: Any) -> None:
    """Stamp the events that were written before there were stamps, and are not sealed yet."""
    waiting = apps.get_model("recognition", "Event").objects.filter(position=None).order_by("pk")
    last = 0
    while page := list(waiting.filter(pk__gt=last)[:PORTION]):
        last = page[-1].pk
        waiting.bulk_update(adopt(page, chain_key()), ["link"], batch_size=100)


class Migration(migrations.Migration):
    dependencies = [("recognition", "0070_sealed_imports")]
    operations = [
        migrations.AddField(
            "gallery",
            "retention_unmatched_days",
            models.PositiveIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MaxValueValidator(36500)],
                help_text="Days without a match after which people are erased, 0 for never; "
                "replaces RETENTION_UNMATCHED_DAYS.",
            ),
        ),
        migrations.AddField("suppression", "lifted", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "suppression",
            models.Index(
                fields=["id"],
                name="lifted_untold",
                condition=models.Q(("lifted__isnull", False)),
            ),
        ),
        migrations.AddIndex(
            "erasure",
            models.Index(
                fields=["id"],
                name="unfinished_erasures",
                condition=models.Q(("finished", False)),
            ),
        ),
        migrations.RunPython(stamp_what_waits, migrations.RunPython.noop),
    ]
