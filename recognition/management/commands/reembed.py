"""Change a gallery's embedder from what is kept of each face."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition import runtime
from recognition.management.base import FAILED, INCOMPLETE, GalleryCommand
from recognition.management.jobs import progress
from recognition.models import Gallery
from recognition.services import reembedding

SHOWN = 50  # people


class Command(GalleryCommand):
    help = (
        "Embed a gallery's references by another embedder: `reembed --to ID` prepares and reports, "
        "changing nothing that is in use; --activate changes over; --rollback returns to the "
        "embedder before. Stopped, it goes on where it was. Exit status 1: some people must be "
        "registered again, for nothing is kept of their photographs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        one = parser.add_mutually_exclusive_group(required=True)
        one.add_argument("--to", choices=list(runtime.EMBEDDERS), help="the new embedder")
        one.add_argument("--rollback", action="store_true", help="return to the former one")
        one.add_argument("--forget", action="store_true", help="erase what a rollback would want")
        parser.add_argument("--activate", action="store_true", help="use the new one from now on")

    def handle(self, *args: Any, **options: Any) -> None:
        gallery = self.chosen_gallery(options)
        if options["forget"]:
            self.stdout.write(
                f"Erased: {reembedding.forget(gallery, actor=self.actor)} embeddings."
            )
            return
        to = options["to"] or reembedding.former_embedder(gallery)
        if gallery.embedder in ("", to):
            message = f"{gallery.name} holds nobody, or uses {to} already."
            raise CommandError(message, returncode=FAILED)
        self.stage(gallery, to, options)
        again = self.tell(gallery, to)
        if options["activate"] or options["rollback"]:
            reembedding.change_over(gallery, to, actor=self.actor)
            self.stdout.write(f"{gallery.name} uses {to} now; `reembed --rollback` goes back.")
        if again:
            message = f"{len(again)} people must be registered again."
            raise CommandError(message, returncode=INCOMPLETE)

    def stage(self, gallery: Gallery, to: str, options: dict[str, Any]) -> None:
        """Embed what is missing."""
        total = reembedding.left(gallery, to)
        with progress(total, options, "references") as bar:
            for done in reembedding.stage(gallery, to):
                bar.update(done)
        self.stdout.write(f"Embedded by {to}: {total} references.")

    def tell(self, gallery: Gallery, to: str) -> list[str]:
        """Write what would change; return who must be registered again."""
        found = reembedding.outlook(gallery, to)
        for (before, after), count in sorted(found.changes.items()):
            self.stdout.write(f"  {before} -> {after}: {count} references")
        for note in found.notes:
            self.stdout.write(note)
        self.few("Recognised before, and not after", found.people)
        self.few("To be registered again", found.again)
        return found.again

    def few(self, title: str, people: list[str]) -> None:
        """Write the first names of a list."""
        if people:
            more = f" and {len(people) - SHOWN} more" if len(people) > SHOWN else ""
            self.stdout.write(f"{title}: {', '.join(people[:SHOWN])}{more}")
