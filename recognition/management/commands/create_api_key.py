"""Make an API key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition import services
from recognition.management.base import FAILED, GalleryCommand
from recognition.models import SCOPES, ApiKey
from recognition.services.people import record_act


class Command(GalleryCommand):
    help = "Make an API key and print it: the key alone on stdout, this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for, 1 to 50 characters")
        parser.add_argument(
            "--scope",
            action="extend",
            nargs="+",
            choices=SCOPES,
            default=[],
            help="what the key may do, one or more (default: everything)",
        )
        parser.add_argument(
            "--gallery",
            action="extend",
            nargs="+",
            default=[],
            metavar="NAME",
            help="where the key may do it, one or more (default: in all galleries)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = checked_name(options["name"])
        scopes = [scope for scope in SCOPES if scope in (options["scope"] or SCOPES)]
        galleries = [services.find_gallery(name).name for name in dict.fromkeys(options["gallery"])]
        key, secret = ApiKey.objects.create_key(name=name, scopes=scopes, galleries=galleries)
        record_act("create_key", self.actor, decision={"key": key.prefix, "may": scopes})
        where = ", ".join(galleries) or "all galleries"
        self.stderr.write(
            f"Key {key.prefix}: {', '.join(scopes)} in {where}. It is shown this once."
        )
        self.stdout.write(secret)


def checked_name(name: str) -> str:
    """Return the name without spaces around it, or refuse one that the table has no room for."""
    longest = ApiKey._meta.get_field("name").max_length
    name = name.strip()
    if not 0 < len(name) <= longest or not name.isprintable():
        message = f"A key's name has 1 to {longest} printable characters."
        raise CommandError(message, returncode=FAILED)
    return name
