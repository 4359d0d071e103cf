import re

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import migrations, models
from django.db.models import Count, OuterRef, Subquery


def count_references(apps, schema_editor):
    """Say of each template of how many references it is the mean."""
    templates = apps.get_model("recognition", "PersonTemplate")
    references = apps.get_model("recognition", "Reference")
    owned = references.objects.filter(subject=OuterRef("subject")).order_by().values("subject")
    count = Subquery(owned.annotate(count=Count("pk")).values("count"))
    having = references.objects.filter(subject=OuterRef("subject"))
    templates.objects.filter(models.Exists(having)).update(references=count)


class Migration(migrations.Migration):
    dependencies = [("recognition", "0006_apikey_last_used")]

    operations = [
        migrations.AddField(
            model_name="gallery",
            name="target_fmr",
            field=models.FloatField(
                blank=True,
                help_text="Share of strangers taken for a claimed person; replaces FACE_TARGET_FMR.",
                null=True,
                validators=[
                    MinValueValidator(1e-09),
                    MaxValueValidator(0.5),
                ],
            ),
        ),
        migrations.AddField(
            model_name="gallery",
            name="target_fpir",
            field=models.FloatField(
                blank=True,
                help_text="Share of strangers named in a search; replaces FACE_TARGET_FPIR.",
                null=True,
                validators=[
                    MinValueValidator(1e-09),
                    MaxValueValidator(0.5),
                ],
            ),
        ),
        migrations.AddField(
            model_name="persontemplate",
            name="references",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.CreateModel(
            name="StoredCalibration",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=64,
                        unique=True,
                        validators=[RegexValidator(re.compile("\\A[a-z0-9_-]{1,64}\\Z"))],
                    ),
                ),
                ("embedder", models.CharField(max_length=64)),
                ("document", models.JSONField()),
                ("active", models.BooleanField(default=False)),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("embedder",),
                        name="one_active_an_embedder",
                    )
                ],
            },
        ),
        migrations.RunPython(count_references, migrations.RunPython.noop),
    ]
