"""Make the groups of the console: viewer, operator, administrator."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWER = ["view_gallery", "view_subject", "view_reference", "view_event"]
OPERATOR = [
    *VIEWER,
    "add_subject",
    "change_subject",
    "delete_subject",
    "add_reference",
    "delete_reference",
    "verify_subject",
    "identify_subject",
]
ADMINISTRATOR = [
    *OPERATOR,
    "add_gallery",
    "change_gallery",
    "delete_gallery",
    "view_apikey",
    "add_apikey",
    "change_apikey",
    "delete_apikey",
]
GROUPS = {"viewer": VIEWER, "operator": OPERATOR, "administrator": ADMINISTRATOR}


def make_groups(apps, schema_editor):
    # Django makes permissions only after all migrations.
    config = apps.get_app_config("recognition")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="recognition"
    )
    for name, codenames in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(*permissions.filter(codename__in=codenames))


class Migration(migrations.Migration):
    dependencies = [
        ("recognition", "0003_engine_state"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
