"""Wrap everybody's key under a new master key."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from recognition import runtime, vault
from recognition.management.base import FAILED, ServiceCommand
from recognition.sealing import SealBrokenError
from recognition.services.people import record_act
from recognition.vault import rotation


class Command(ServiceCommand):
    help = (
        "Make a new master key and wrap everybody's key under it, while servers run. With "
        "FACE_MASTER_KEY in the environment: wrap them under its first key, the new one, of "
        "several separated by spaces."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            given = bool(settings.FACE_MASTER_KEY)
            count = rotation.rewrap(vault.ring()) if given else rotation.rotate()
            record_act("rotate_keys", self.actor, decision={"keys": count})
            if copy := runtime.template_cache():
                copy.forget()  # it was sealed under a key of the old one
            runtime.publish()
        except SealBrokenError as error:
            message = f"A key cannot be unwrapped: {error}. The old master key is kept."
            raise CommandError(message, returncode=FAILED) from error
        self.stdout.write(f"Keys wrapped under the new master key: {count}")
        self.stdout.write(f"Make a backup now. {self._former(given=given)}")

    def _former(self, *, given: bool) -> str:
        name = "the old FACE_MASTER_KEY"
        if not given:
            name = str(rotation.former_path(settings.FACE_MASTER_KEY_FILE))
        return f"The keys beside earlier ones open with {name} alone: destroy it after that."
