"""Make everything ready to serve."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from recognition import runtime
from recognition.management.base import FAILED, ServiceCommand
from recognition.models import ApiKey, Gallery, GalleryChange
from recognition.networks.catalogue import CATALOGUE
from recognition.networks.prepare import prepare
from recognition.services.people import record_act
from recognition.services.results import Actor

ADMIN = "admin"
FIRST_KEY = "first key"
DOWNLOADS = settings.DATA_DIR / "downloads"
# Any constant does that no other application takes in the same database.
MIGRATION_LOCK = 0x0FACE517F


class Command(ServiceCommand):
    help = "Make everything ready to serve; what is ready already is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--offline", action="store_true", help="download nothing")
        parser.add_argument(
            "--networks", action="store_true", help="prepare the networks and nothing else"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not options["networks"]:
                self.migrations()
            settled = not options["networks"] and _galleries_are_settled()
            self.networks(offline=options["offline"] or settled)
        except OperationalError as error:
            message = f"The database does not answer: {error}. Check DATABASE_URL."
            raise CommandError(message, returncode=FAILED) from error
        if not options["networks"]:
            self.static_files()
            self.admin_and_key()

    def networks(self, *, offline: bool) -> None:
        """Convert what is missing, FaceNet where it is wanted and can be had.

        ``offline``: FaceNet's weights are not downloaded.
        """
        done = prepare(
            runtime.store(),
            facenet_weights=Path(settings.FACENET_WEIGHTS) if settings.FACENET_WEIGHTS else None,
            facenet_sha256=settings.FACENET_SHA256 or None,
            download_dir=DOWNLOADS,
            want_facenet=_facenet_is_wanted(offline=offline),
            say=self.stdout.write,
        )
        self.tell("Networks", f"converted {', '.join(done.converted)}" if done.converted else "")
        embedder = runtime.default_embedder()
        if not runtime.store().has(embedder):
            message = (
                f"FACE_MODEL={embedder}, but its weights are not at hand. {done.facenet_problem} "
                "Name a local copy by FACENET_WEIGHTS, or set FACE_MODEL=auto."
            )
            raise CommandError(message, returncode=FAILED)
        self.stdout.write(f"  A new gallery gets the embedder {embedder}.")

    def migrations(self) -> None:
        """Bring the database to the tables of this version; machines that start at once wait."""
        with _alone():
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if plan:
                call_command("migrate", interactive=False, verbosity=0, database=DEFAULT_DB_ALIAS)
        self.tell("Database", f"{len(plan)} migrations applied" if plan else "")

    def static_files(self) -> None:
        """Gather and compress static files, if any changed since the last time."""
        stamp, seen = settings.STATIC_ROOT / ".gathered", _fingerprint()
        changed = not stamp.exists() or stamp.read_text() != seen
        if changed:
            call_command("collectstatic", interactive=False, verbosity=0)
            stamp.write_text(seen)
        self.tell("Static files", "gathered" if changed else "")

    def admin_and_key(self) -> None:
        """Take ``API_KEY``; make the first administrator and the first key, shown this once."""
        with transaction.atomic():
            GalleryChange.lock()  # two that start at once make one of each
            before = _environment_keys()
            ApiKey.objects.take_from_environment(settings.API_KEY)
            for prefix in before ^ _environment_keys():
                _record("delete_key" if prefix in before else "create_key", prefix)
            password, key = _first_password(), _first_key()
        self.tell("Administrator", f"{ADMIN} made" if password else "")
        self.tell("API key", "made" if key else "")
        shown = [f"  administrator: {ADMIN}   password: {password}"] if password else []
        shown += [f"  API key: {key}"] if key else []
        if shown:
            rule = "-" * 78
            self.stdout.write("\n".join([rule, "Shown this once, keep it:", *shown, rule]))

    def tell(self, what: str, done: str) -> None:
        """Write what was done, or that it was there already."""
        self.stdout.write(f"{what}: {done or 'there already'}")


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock of the PostgreSQL that several machines share; Django's migrate takes none."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def _galleries_are_settled() -> bool:
    """Say whether people are registered by another embedder, and nobody has asked for FaceNet.

    Without it every start on a machine that does not reach the weights would wait for them.
    """
    others = Gallery.objects.exclude(embedder__in=["", runtime.FACENET])
    return settings.FACE_MODEL == "auto" and others.exists()


def _facenet_is_wanted(*, offline: bool) -> bool:
    if settings.FACE_MODEL not in {"auto", runtime.FACENET}:
        return False
    downloaded = DOWNLOADS / CATALOGUE[runtime.FACENET].source_name
    at_hand = runtime.store().has(runtime.FACENET) or downloaded.exists()
    return bool(not offline or at_hand or settings.FACENET_WEIGHTS)


def _fingerprint() -> str:
    """Return a digest of names, sizes and times of all static files; their bytes are not read."""
    lines = (
        f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}"
        for name, path in sorted(_static_files())
        for stat in [Path(path).stat()]
    )
    return hashlib.sha256("\n".join([settings.STATIC_URL, *lines]).encode()).hexdigest()


def _static_files() -> Iterator[tuple[str, str]]:
    for finder in get_finders():
        for name, storage in finder.list(None):
            yield name, storage.path(name)


def _first_password() -> str:
    """Make the first administrator and return the password; nothing where there is one."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists() or users.filter(username=ADMIN).exists():
        return ""
    password = secrets.token_urlsafe(15)
    users.create_superuser(ADMIN, password=password)
    return password


def _first_key() -> str:
    """Make the first key, with all scopes, and return it; nothing where there is one."""
    if ApiKey.objects.exists():
        return ""
    made, key = ApiKey.objects.create_key(name=FIRST_KEY)
    _record("create_key", made.prefix)
    return str(key)


def _environment_keys() -> set[str]:
    return set(ApiKey.objects.filter(from_environment=True).values_list("prefix", flat=True))


def _record(act: str, prefix: str) -> None:
    record_act(act, Actor("command:prepare"), decision={"key": prefix})
