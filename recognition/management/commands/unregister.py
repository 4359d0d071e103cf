"""Erase a person."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from recognition import services
from recognition.management.base import GalleryCommand


class Command(GalleryCommand):
    help = "Erase a person: references, crops and template, here and in every running process."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("user_id", help="who is to be erased")

    def handle(self, *args: Any, **options: Any) -> None:
        gallery = self.chosen_gallery(options)
        erased = services.unregister(gallery, options["user_id"], actor=self.actor)
        counts = ", ".join(f"{name} {count}" for name, count in erased.counts.items())
        self.stdout.write(f"{options['user_id']} erased from {gallery.name}: {counts}")
        for receipt in erased.receipts:
            self.stderr.write(f"Receipt {receipt.id} of {receipt.time:%Y-%m-%d %H:%M:%S%z}")
