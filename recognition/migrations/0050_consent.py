import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0040_contexts"),
    ]

    operations = [
        migrations.AddField(
            model_name="subject",
            name="lawful_basis",
            field=models.CharField(
                choices=[
                    ("unset", "unset"),
                    ("consent", "consent"),
                    ("contract", "contract"),
                    ("legal_obligation", "legal obligation"),
                    ("legitimate_interest", "legitimate interest"),
                ],
                default="unset",
                help_text="On what ground the person is known.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="subject",
            name="consent_version",
            field=models.CharField(
                blank=True, help_text="Which text was agreed to.", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="subject",
            name="consent_given",
            field=models.DateField(blank=True, help_text="On which day.", null=True),
        ),
        migrations.AddField(
            model_name="subject",
            name="consent_expires",
            field=models.DateField(
                blank=True, help_text="The last day on which the consent holds.", null=True
            ),
        ),
        migrations.AddField(
            model_name="subject",
            name="retain_until",
            field=models.DateField(
                blank=True, help_text="The last day on which the person is kept.", null=True
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="consent",
            field=models.JSONField(default=dict),
        ),
        migrations.CreateModel(
            name="DailyJob",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("day", models.DateField(null=True)),
                ("finished", models.BooleanField(default=True)),
                (
                    "worker",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="recognition.worker",
                    ),
                ),
            ],
        ),
    ]
