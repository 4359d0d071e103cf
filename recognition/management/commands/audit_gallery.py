"""Look for references under the wrong person, people under two ids, and poor photographs."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser

from recognition.management.arguments import index
from recognition.management.base import GalleryCommand
from recognition.management.jobs import progress
from recognition.models import PersonTemplate, Reference
from recognition.services.auditing import audit
from recognition.services.review import Listed, queue, why


class Command(GalleryCommand):
    help = (
        "Audit a gallery: references nearer to somebody else than to their own person, outliers, "
        "people who look the same under two ids or may be confused, poor photographs; the worst "
        "first. `manage.py review` acts on what is found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--limit", type=index, default=100, metavar="N", help="rows shown (default: 100)"
        )
        parser.add_argument("--json", action="store_true", help="write a JSON object for each row")

    def handle(self, *args: Any, **options: Any) -> None:
        gallery = self.chosen_gallery(options)
        rows = Reference.objects.filter(subject__gallery=gallery).count()
        rows += PersonTemplate.objects.filter(subject__gallery=gallery).count()
        with progress(rows, options, "rows") as bar:
            audit(gallery, bar.update, actor=self.actor)
        found = queue(gallery)
        for listed in found[: options["limit"]]:
            self.stdout.write(as_json(listed) if options["json"] else as_text(listed))
        self.stderr.write(f"{len(found)} findings; `manage.py review` shows and settles them.")


def as_json(listed: Listed) -> str:
    """Return one finding as a JSON object."""
    finding = listed.finding
    row = {name: getattr(finding, name) for name in ("id", "kind", "references", "own", "near")}
    return json.dumps(row | {"person": listed.person, "other": listed.other, "why": why(listed)})


def as_text(listed: Listed) -> str:
    """Return one finding in a line."""
    return f"{listed.finding.pk}\t{listed.finding.kind}\t{why(listed)}"
