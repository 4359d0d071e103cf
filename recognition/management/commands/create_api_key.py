"""Make an API key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from facesite.environment import Files
from recognition import services
from recognition.checks import SHORTEST_API_KEY, can_be_guessed
from recognition.key_models import check_rate, checked_networks, environment_prefix
from recognition.management.base import FAILED, GalleryCommand
from recognition.models import SCOPES, ApiKey, GalleryChange
from recognition.services.people import record_act

TERMS = ("scopes", "galleries", "networks", "rate", "expiry_date")


class Command(GalleryCommand):
    help = """Make an API key and print it: the key alone on stdout, this once.

    With --if-missing or --value-from it may be run at every start: it makes the key once.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for, 1 to 50 characters")
        for option, word, said in (
            ("--gallery", "NAME", "where the key may do it, one or more (default: all galleries)"),
            ("--network", "CIDR", "where its client may be, one or more (default: anywhere)"),
        ):
            parser.add_argument(
                option, action="extend", nargs="+", default=[], metavar=word, help=said
            )
        parser.add_argument(
            "--scope",
            action="extend",
            nargs="+",
            choices=SCOPES,
            default=[],
            help="what the key may do, one or more (default: everything)",
        )
        parser.add_argument("--rate", default="", help="all its calls together, such as 100/m")
        parser.add_argument(
            "--expires",
            metavar="DAY",
            help="last day, such as 2027-12-31 (UTC); one that is over is refused",
        )
        parser.add_argument(
            "--if-missing",
            action="store_true",
            help="make nothing where a key of this name is valid; print nothing then",
        )
        parser.add_argument(
            "--value-from",
            metavar="VARIABLE",
            help="take the key from this environment variable, or from the file that "
            "VARIABLE_FILE names, and print nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        key = asked_for(options)
        value = given_value(options["value_from"]) if options["value_from"] else None
        with transaction.atomic():
            GalleryChange.lock()  # two that start at once make one key
            there = self.already(key.name, value, if_missing=options["if_missing"])
            if there is None:
                secret = self.make(key, value)
        if there is not None:
            self.tell_there(there, key)
        elif value is None:
            self.stdout.write(secret)

    def already(self, name: str, value: str | None, *, if_missing: bool) -> ApiKey | None:
        """Return the key that makes a new one needless, or refuse two that contradict."""
        named = ApiKey.objects.usable(name) if if_missing else None
        if value is None:
            return named
        prefix = environment_prefix(value)
        if named is not None and named.prefix != prefix:
            raise refusal(
                f"The key {name!r} is there with another value ({named.prefix}). "
                "Revoke it first, or leave --if-missing out to have both."
            )
        same = ApiKey.objects.filter(prefix=prefix).first()
        if same is not None and (same.revoked or same.has_expired):
            raise refusal(f"This value is that of key {prefix}, which is revoked or expired.")
        return same

    def make(self, key: ApiKey, value: str | None) -> str:
        """Store ``key`` and return what it is."""
        if value is None:
            secret = str(ApiKey.objects.assign_key(key))
        else:
            ApiKey.objects.assign_value(key, secret := value)
        key.save()
        record_act("create_key", self.actor, decision=key.terms())
        where = ", ".join(key.galleries) or "all galleries"
        once = "It is shown this once." if value is None else "Its value was given."
        self.stderr.write(f"Key {key.prefix}: {', '.join(key.scopes)} in {where}. {once}")
        return secret

    def tell_there(self, there: ApiKey, asked: ApiKey) -> None:
        """Say that nothing was made, and in what the key differs from what was asked for."""
        differing = [name for name in TERMS if getattr(there, name) != getattr(asked, name)]
        said = f"Key {there.prefix} ({there.name}) is there already; nothing was made."
        if differing:
            said += f" It differs in {', '.join(differing)}: change it in the admin."
        self.stderr.write(said)


def asked_for(options: Mapping[str, Any]) -> ApiKey:
    """Return the key that the options describe, not stored and without a value."""
    try:
        networks = checked_networks(options["network"])
        if options["rate"]:
            check_rate(options["rate"])
    except ValidationError as error:
        raise refusal(" ".join(error.messages)) from None
    names = dict.fromkeys(options["gallery"])
    return ApiKey(
        name=checked_name(options["name"]),
        scopes=[scope for scope in SCOPES if scope in (options["scope"] or SCOPES)],
        galleries=[services.find_gallery(name).name for name in names],
        networks=networks,
        rate=options["rate"],
        expiry_date=end_of(options["expires"]) if options["expires"] else None,
    )


def given_value(variable: str) -> str:
    """Return the key in an environment variable or its file, or refuse one that is no good."""
    try:
        value = Files().get(variable, "").strip()
    except OSError as error:
        raise refusal(f"{variable}_FILE cannot be read: {error}") from None
    if not value:
        raise refusal(f"Neither {variable} nor {variable}_FILE gives a key.")
    if can_be_guessed(value) or not (value.isascii() and value.isprintable()):
        raise refusal(
            f"{variable} is too weak: {SHORTEST_API_KEY} random ASCII characters are needed."
        )
    return value


def end_of(day: str) -> datetime:
    """Return the last second of a day, UTC, or refuse one that is over."""
    try:
        found = datetime.strptime(day, "%Y-%m-%d")
    except ValueError:
        raise refusal(f"{day[:64]!r} is no day: write 2027-12-31.") from None
    end = found.replace(hour=23, minute=59, second=59, tzinfo=UTC)
    if end < datetime.now(UTC):
        raise refusal(f"{day} is over: the key would never be accepted.")
    return end


def checked_name(name: str) -> str:
    """Return the name without spaces around it, or refuse one that the table has no room for."""
    longest = ApiKey._meta.get_field("name").max_length
    name = name.strip()
    if not 0 < len(name) <= longest or not name.isprintable():
        raise refusal(f"A key's name has 1 to {longest} printable characters.")
    return name


def refusal(said: str) -> CommandError:
    """Return the error that ends the command, with nothing done."""
    return CommandError(said, returncode=FAILED)
