"""Settle what an audit found; every step can be undone."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.findings import ReviewStep
from recognition.management.arguments import index
from recognition.management.base import FAILED, GalleryCommand
from recognition.management.commands.audit_gallery import as_text
from recognition.models import Gallery
from recognition.services import review

ACTS = ("list", "steps", "merge", "move", "set_aside", "not_same", "undo")
SHOWN = 100


class Command(GalleryCommand):
    help = (
        "Review what `audit_gallery` found: list; merge ID --keep USER_ID; move ID or set_aside ID "
        "(--reference, where there are two); not_same ID; steps; undo STEP."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("act", nargs="?", default="list", choices=ACTS)
        parser.add_argument("id", nargs="?", type=index, help="of the finding, or of the step")
        parser.add_argument("--keep", default="", metavar="USER_ID", help="who remains")
        parser.add_argument("--reference", default="", metavar="ID", help="which reference")

    def handle(self, *args: Any, **options: Any) -> None:
        gallery, act = self.chosen_gallery(options), options["act"]
        if act == "list":
            self.tell(*map(as_text, review.queue(gallery)))
        elif act == "steps":
            steps = ReviewStep.objects.filter(gallery=gallery)
            self.tell(*(f"{s.pk}\t{s.act}\t{'undone' if s.undone else 'done'}" for s in steps))
        elif options["id"] is None:
            raise CommandError(f"{act} wants an id.", returncode=FAILED)
        else:
            step = self.settled(gallery, options)
            self.tell(f"{act}: done; `manage.py review undo {step.pk}` undoes it.")

    def tell(self, *lines: str) -> None:
        """Write the first lines, and on stderr how many more there are, or that there is none."""
        for line in lines[:SHOWN]:
            self.stdout.write(line)
        if len(lines) > SHOWN:
            self.stderr.write(f"and {len(lines) - SHOWN} more")
        if not lines:
            self.stderr.write("There is nothing.")

    def settled(self, gallery: Gallery, options: dict[str, Any]) -> ReviewStep:
        """Do one step."""
        if options["act"] == "undo":
            return review.undo(gallery, options["id"], actor=self.actor)
        finding = review.find_finding(gallery, options["id"])
        if options["act"] == "merge":
            return review.merge(finding, keep=options["keep"], actor=self.actor)
        if options["act"] == "not_same":
            return review.not_same(finding, actor=self.actor)
        act = review.move if options["act"] == "move" else review.set_aside
        return act(finding, reference=options["reference"], actor=self.actor)
