"""Write a gallery into a file for another installation."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.base import FAILED, GalleryCommand
from recognition.services import transfer
from recognition.services.folders import shown


class Command(GalleryCommand):
    help = "Write the people of a gallery into FILE, sealed; print the key that opens it, once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "file", type=Path, metavar="FILE", help="where to write; it may not be there yet"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"]
        if path.exists():
            raise CommandError(f"{shown(path)} is there already.", returncode=FAILED)
        count, key = transfer.export(self.chosen_gallery(options), path, self.actor)
        self.stderr.write(f"{count} people. The key is shown this once:")
        self.stdout.write(base64.b64encode(key).decode())
