"""Look the installation over."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recognition.doctor import FAULT, Verdict, examine
from recognition.management.base import INCOMPLETE


class Command(BaseCommand):
    help = (
        "Look at machine, stores, secrets, networks and settings; say what is wrong and what to "
        "do about it. Exit status 1 where there is a fault."
    )
    requires_system_checks: ClassVar[list[str]] = []  # they are among what it looks at

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="write one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(examine())
        counts = Counter(verdict.state for verdict in found)
        if options["json"]:
            document = {"counts": counts, "findings": [asdict(verdict) for verdict in found]}
            self.stdout.write(json.dumps(document, indent=2))
        else:
            self.stdout.write("\n".join(line for verdict in found for line in lines(verdict)))
        if counts[FAULT]:
            raise CommandError(f"{counts[FAULT]} faults.", returncode=INCOMPLETE)


def lines(verdict: Verdict) -> list[str]:
    """Return a finding for people to read."""
    said = [f"{verdict.state:<8} {verdict.topic:<14} {verdict.said}"]
    return said + ([f"{'':<23} -> {verdict.remedy}"] if verdict.remedy else [])
