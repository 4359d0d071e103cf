"""Register photographs of one person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from recognition import services
from recognition.management.arguments import (
    add_consent,
    add_selection,
    consent,
    display_name,
    selection,
)
from recognition.management.base import FAILED, INCOMPLETE, GalleryCommand
from recognition.management.pictures import read
from recognition.services import RegisterOptions
from recognition.services.folders import shown
from recognition.services.registration import refusal
from recognition.services.results import Accepted, Registration


class Command(GalleryCommand):
    help = "Register photographs of one person. Exit status 1: some were refused; 2: all were."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("user_id", help="what the API calls the person")
        parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="photographs")
        parser.add_argument("--name", type=display_name, help="the person's name, as it is shown")
        parser.add_argument(
            "--replace", action="store_true", help="erase the references stored before"
        )
        add_selection(parser)
        parser.add_argument("--dry-run", action="store_true", help="check, and store nothing")
        add_consent(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        images = options["images"]
        if len(images) > settings.MAX_IMAGES:
            message = (
                f"At most {settings.MAX_IMAGES} photographs at once; register_folder takes more."
            )
            raise CommandError(message, returncode=FAILED)
        wanted = RegisterOptions(
            display_name=options["name"],
            replace=options["replace"],
            dry_run=options["dry_run"],
            consent=consent(options),
            selection=selection(options),
        )
        gallery, uploads = self.chosen_gallery(options), [read(path) for path in images]
        done = services.register(gallery, options["user_id"], uploads, wanted, self.actor)
        self.tell(done)

    def tell(self, done: Registration) -> None:
        """Write what became of each photograph, then the sum."""
        for picture in done.accepted:
            self.stdout.write(f"{shown(picture.filename)}: {_fate(picture, dry_run=done.dry_run)}")
        for match in done.possible_duplicates:
            self.stdout.write(f"looks like {match.user_id}: similarity {match.similarity:.4f}")
        total, model = done.total_references, done.model
        self.stdout.write(f"{done.user_id} has {total} reference{'s' * (total != 1)} ({model})")
        if done.rejected:
            self.list_refused(refusal(rejected) for rejected in done.rejected)
            pictures = len(done.accepted) + len(done.rejected)
            message = f"{len(done.rejected)} of {pictures} photographs refused."
            raise CommandError(message, returncode=INCOMPLETE)


def _fate(picture: Accepted, *, dry_run: bool) -> str:
    if not picture.new:
        return f"registered already as {picture.reference_id}"
    return "can be registered" if dry_run else f"registered as {picture.reference_id}"
