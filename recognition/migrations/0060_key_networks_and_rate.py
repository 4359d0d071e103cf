from django.db import migrations, models

import recognition.key_models


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0050_consent"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="networks",
            field=models.JSONField(
                blank=True, default=list, validators=[recognition.key_models.check_networks]
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="rate",
            field=models.CharField(
                blank=True,
                help_text="All calls of this key together, such as 100/m, 5000/h or 5/10s. Empty: the limits of the service, each call by itself.",
                max_length=16,
                validators=[recognition.key_models.check_rate],
            ),
        ),
    ]
