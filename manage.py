#!/usr/bin/env python
"""Run one of Facesite's commands; ``manage.py help`` lists them."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Hand the command line to Django; Ctrl-C ends a command without a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        sys.exit(
            "Django is not installed for this Python: run 'make install' first, "
            "then '.venv/bin/python manage.py ...'."
        )
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"A setting is wrong. {error}")
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, what a shell reports


if __name__ == "__main__":
    main()
