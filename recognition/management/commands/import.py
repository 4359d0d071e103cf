"""Register the people of a file that ``export`` wrote."""

from __future__ import annotations

import binascii
import os
from base64 import b64decode
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.arguments import add_consent, consent
from recognition.management.base import FAILED, INCOMPLETE, GalleryCommand
from recognition.sealing import SealBrokenError
from recognition.services import transfer

KEY = "FACESITE_IMPORT_KEY"
WHY = {"suppressed": "Erased here", "consent_required": "Without a valid consent"}


class Command(GalleryCommand):
    help = (
        "Register the people of FILE, which `export` wrote. Interrupted, it goes on where it "
        f"ended. Who was erased here is left out. The key is asked for, or taken from {KEY}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE", help="what `export` wrote")
        parser.add_argument("--dry-run", action="store_true", help="count, and store nothing")
        add_consent(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        gallery, dry_run = self.chosen_gallery(options), options["dry_run"]
        options["file"].open("rb").close()  # before anybody types a key
        told = {"dry_run": dry_run, "consent": consent(options)}
        try:
            counts = transfer.take(options["file"], asked_key(), gallery, self.actor, **told)
        except (SealBrokenError, ValueError) as error:
            message = f"The file cannot be read with this key: {error}."
            raise CommandError(message, returncode=FAILED) from error
        verb = "Would register" if dry_run else "Registered"
        self.stdout.write(f"{verb}: {counts['references']} pictures of {counts['people']} people.")
        left_out = 0
        for code, title in WHY.items():
            names = [name.partition(":")[2] for name in counts if name.startswith(f"{code}:")]
            if names:
                self.stderr.write("\n  ".join([f"{title}, and left out:", *names]))
            left_out += len(names)
        if left_out:
            raise CommandError(f"{left_out} people left out.", returncode=INCOMPLETE)


def asked_key() -> bytes:
    """Return the key that opens the file, or refuse what is none."""
    try:
        return b64decode(os.environ.get(KEY) or getpass("Key: "), validate=True)
    except (binascii.Error, EOFError) as error:
        message = f"That is no key: give the one that `export` printed, or set {KEY}."
        raise CommandError(message, returncode=FAILED) from error
