"""Look for what erasures should have taken."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.base import INCOMPLETE, ServiceCommand
from recognition.services import orphans


class Command(ServiceCommand):
    help = (
        "Search database, imports, key store, Redis and Milvus for what erasures should have taken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mend", action="store_true", help="erase what is found")
        parser.add_argument(
            "--nobody", action="store_true", help="with --mend: nobody is registered, rightly"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = orphans.search()
        lines = {
            "erasures that were not finished": found.unfinished,
            "keys of nobody": len(found.keys),
            "people who were erased and are there again": len(found.returned),
            "people in Redis who may not be matched": len(found.copied),
            "people in Milvus who may not be matched": sum(map(len, found.engine.values())),
            "files in imports, of people who were erased": len(found.waiting),
            "files left by imports that are over": found.left,
            "keys of imports that are over": found.import_keys,
            "people whose key is gone, and whose faces cannot be read": len(found.locked),
        }
        for what, count in lines.items():
            self.stdout.write(f"{what}: {count}")
        locked, left = set(found.locked), []
        if found.found and options["mend"]:
            orphans.mend(found, self.actor, nobody=options["nobody"])
            locked -= set(found.returned)
            self.stdout.write("Mended.")
        elif found.found:
            left.append("Something is left: --mend erases it.")
        if locked:  # it may be that the key store is the wrong one
            left.append("Put the right keys back, or unregister the people whose key is gone.")
        if left:
            raise CommandError(" ".join(left), returncode=INCOMPLETE)
