"""Check the chain of events."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.management.base import INCOMPLETE, ServiceCommand
from recognition.models import AuditState, Event
from recognition.services import audit


class Command(ServiceCommand):
    help = "Check that no event was altered, removed or inserted; print the head of the chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="name every fault, not the first")
        parser.add_argument(
            "--begin-anew",
            action="store_true",
            help="seal all events as they stand, in another chain that tells what was wrong",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["begin_anew"]:
            audit.begin_anew(self.actor)
        wrong = False
        for fault in audit.faults():
            wrong = True
            self.stderr.write(fault)
            if not options["all"]:
                break
        if wrong:
            raise CommandError("The chain of events is broken.", returncode=INCOMPLETE)
        state = AuditState.objects.filter(pk=audit.ONLY_ROW).first() or AuditState()
        self.stdout.write(f"{Event.objects.count()} events, unbroken since position {state.cut}.")
        self.stdout.write(f"Head: {state.head} {state.head_link}")
