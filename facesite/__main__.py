"""Run one of Facesite's commands: ``facesite help`` and ``manage.py help`` list them.

Where Facesite was installed as a wheel there is no manage.py; ``facesite`` is the same program.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Hand the command line to Django; Ctrl-C ends a command without a traceback."""
    if Path(sys.argv[0]).name == "__main__.py":  # python -m facesite
        sys.argv[0] = "facesite"
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
