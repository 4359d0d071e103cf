"""Write a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.base import FAILED, ServiceCommand
from recognition.services import backups
from recognition.services.folders import shown


class Command(ServiceCommand):
    help = (
        "Write all that the database holds into FILE, sealed, and the wrapped keys into FILE.keys: "
        "keep the newest of those alone. The master key is in neither: keep it elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, metavar="FILE", help="where to write; it may not be there yet"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["file"]
        if path.exists():
            raise CommandError(f"{shown(path)} is there already.", returncode=FAILED)
        rows = backups.backup(path, self.actor)
        self.stdout.write(f"{rows} rows, SHA-256 {backups.sha256(path)}")
        self.stdout.write(f"Keys: {backups.keys_path(path)}")
