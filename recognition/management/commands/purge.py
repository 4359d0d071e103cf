"""Erase those whose time is over."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.base import GalleryCommand
from recognition.retention import RULES
from recognition.services import find_gallery
from recognition.services.purging import due, purge


class Command(GalleryCommand):
    help = (
        "List who is kept for too long: past retain_until, or not matched for "
        "RETENTION_UNMATCHED_DAYS. With --yes they are erased, and receipts are listed instead of "
        "names. A worker does the same once a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--gallery", default="", metavar="NAME", help="that gallery alone (default: all)"
        )
        parser.add_argument("--yes", action="store_true", help="erase them; there is no way back")

    def handle(self, *args: Any, **options: Any) -> None:
        gallery = find_gallery(options["gallery"]).name if options["gallery"] else ""
        (self.erase if options["yes"] else self.rehearse)(gallery)

    def rehearse(self, gallery: str) -> None:
        """List who would be erased."""
        counts = Counter[str]()
        for reason, subject in due(gallery):
            self.stdout.write(f"{subject.gallery.name}\t{subject.user_id}\t{reason}")
            counts[reason] += 1
        self.tell("Would erase", counts)
        if counts:
            self.stdout.write("Nothing was erased: --yes does it.")

    def erase(self, gallery: str) -> None:
        """Erase them, and list the receipts."""
        receipts = purge(self.actor, gallery)
        for reason, some in receipts.items():
            for receipt in some:
                self.stdout.write(f"{receipt.id}\t{receipt.user_hash}\t{reason}")
        self.tell("Erased", Counter({reason: len(some) for reason, some in receipts.items()}))

    def tell(self, verb: str, counts: Counter[str]) -> None:
        by_reason = ", ".join(f"{reason} {counts[reason]}" for reason in RULES)
        self.stdout.write(f"{verb}: {counts.total()} people ({by_reason}).")
