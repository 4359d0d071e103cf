"""``manage.py sync_gallery``: each difference between database and Milvus, found and mended."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from recognition import runtime
from recognition.gallery.engine import Engine
from recognition.gallery.sync import KINDS, hidden, sync
from recognition.management.base import FAILED, INCOMPLETE, GalleryCommand
from recognition.management.jobs import progress

LEFT_BEHIND = "collections left behind"


class Command(GalleryCommand):
    """Compare all people with all rows in Milvus; safe while the service runs."""

    help = (
        "Bring Milvus (GALLERY_ENGINE=milvus) into accord with the database: the first filling, "
        "and every difference that came to be behind the service's back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--gallery", metavar="NAME", help="this gallery alone (default: all)")
        one.add_argument(
            "--rebuild", action="store_true", help="write everybody anew, beside what is there"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="change nothing; status 1 if anything differs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        engine = runtime.engine()
        if engine is None:
            message = f"GALLERY_ENGINE is {settings.GALLERY_ENGINE}: nothing to sync."
            raise CommandError(message, returncode=FAILED)
        state = engine.truth.state()
        if not options["rebuild"]:
            engine.check_key(state)
        if options["rebuild"] or not engine.is_whole(state):
            self.write_anew(engine, options)
        else:
            self.mend(engine, options)

    def write_anew(self, engine: Engine, options: dict[str, Any]) -> None:
        """Fill new collections."""
        people = engine.truth.count()
        if options["dry_run"]:
            message = f"Milvus holds none of the {people} people, or is to be written anew."
            raise CommandError(message, returncode=INCOMPLETE)
        with progress(people, options, "people") as bar:
            engine.rebuild(bar.update)
        self.stdout.write(f"Milvus was written anew: {people} people.")

    def mend(self, engine: Engine, options: dict[str, Any]) -> None:
        """Find and mend differences, then say how many of each kind."""
        dry_run = options["dry_run"]
        gallery = self.chosen_gallery(options).pk if options["gallery"] else None
        with progress(self.rows(engine, gallery), options, "rows") as bar:
            found = sync(engine, gallery=gallery, dry_run=dry_run, said=bar.update)
        epoch = engine.truth.state().epoch
        found[LEFT_BEHIND] = len(engine.milvus.drop_others(epoch, dry_run=dry_run))
        self.tell(found, dry_run=dry_run)
        # What a dry run found is still there, and makes the counts differ.
        if not (dry_run and found.total()) and (rows := hidden(engine, gallery)):
            message = f"Milvus counts {rows:+d} rows more than it shows: --rebuild puts that right."
            raise CommandError(message, returncode=INCOMPLETE)

    @staticmethod
    def rows(engine: Engine, gallery: int | None) -> int:
        """Return how many rows there are to read, on both sides together."""
        collections = engine.milvus.collections(engine.catch_up().epoch).values()
        theirs = sum(collection.count(gallery) for collection in collections)
        return theirs + engine.truth.count(gallery=gallery)

    def tell(self, found: Counter[str], *, dry_run: bool) -> None:
        """Write the sums; on a dry run, differences are a failure."""
        for kind in (*KINDS, LEFT_BEHIND):
            if found[kind]:
                self.stdout.write(f"{kind}: {found[kind]}")
        if not found.total():
            self.stdout.write("No difference was found.")
        elif dry_run:
            message = f"Differences: {found.total()}; nothing was changed."
            raise CommandError(message, returncode=INCOMPLETE)
        else:
            self.stdout.write(f"Differences mended: {found.total()}.")
