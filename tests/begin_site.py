"""Make the tables of a site and its first key, which is printed: in one process, for many tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.core.management import call_command

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ["DJANGO_SETTINGS_MODULE"] = "facesite.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("create_api_key", "tests")
