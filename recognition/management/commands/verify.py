"""Say whether a photograph shows a person (1:1)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recognition import services
from recognition.management.arguments import add_selection, add_wanted, selection, wanted
from recognition.management.base import INCOMPLETE, GalleryCommand
from recognition.management.pictures import read


class Command(GalleryCommand):
    help = "Say whether a photograph shows a person. Exit status 0: yes; 1: no; 2: an error."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("user_id", help="who it should be")
        parser.add_argument("image", type=Path, metavar="IMAGE", help="the photograph")
        add_wanted(parser, "fmr", "the share of strangers to be taken for the person")
        add_selection(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        answer = services.verify(
            self.chosen_gallery(options),
            options["user_id"],
            read(options["image"]),
            selection=selection(options),
            wanted=wanted(options, "fmr"),
            actor=self.actor,
        )
        verdict = "verified" if answer.verified else "not verified"
        self.stdout.write(f"{answer.user_id}: {verdict}. {answer.reason} ({answer.model})")
        if not answer.verified:
            sys.exit(INCOMPLETE)
