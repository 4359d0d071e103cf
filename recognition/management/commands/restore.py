"""Read a backup into an empty database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.base import FAILED, ServiceCommand
from recognition.sealing import SealBrokenError
from recognition.services import backups


class Command(ServiceCommand):
    help = (
        "Read a backup into an empty, migrated database, of whatever kind. Who was erased since, "
        "by the erasures.log of the data folder or beside the key store, is erased again. What the "
        "database holds besides people, such as accounts and events, is replaced. People whose key "
        "is not in the key store are left out, and counted: nothing opens their faces."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
        parser.add_argument(
            "--keys", type=Path, metavar="FILE.keys", help="where the key store was lost, too"
        )
        parser.add_argument(
            "--no-erasures",
            action="store_true",
            help="nobody was erased since, or the log of it is lost and that is accepted",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["keys"]:
                count = backups.take_keys(options["keys"])
                self.stdout.write(f"keys: {count}")
            erasures = not options["no_erasures"]
            counts = backups.restore(options["file"], self.actor, erasures=erasures)
        except (SealBrokenError, OSError) as error:
            message = f"The backup cannot be read: {error}. Nothing was restored."
            raise CommandError(message, returncode=FAILED) from error
        for what, count in counts.items():
            self.stdout.write(f"{what}: {count}")
        self.stderr.write(
            "API keys, accounts and roles are those of the backup. Revoke again what was revoked "
            "since, and let passwords be changed that were."
        )
