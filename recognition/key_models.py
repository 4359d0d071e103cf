"""API keys: what a client may do, where, until when."""

from __future__ import annotations

import hashlib
import time

from django.db import models
from django.utils import timezone
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

SCOPES = ("register", "verify", "identify", "read", "delete")
USE_NOTED = 60.0  # seconds between two notes that a key is used


def environment_prefix(key: str) -> str:
    """Return what the key given by ``API_KEY`` is looked up by: it has no prefix of its own."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


class ApiKeyManager(BaseAPIKeyManager):
    def get_from_key(self, key: str) -> ApiKey:
        """Return the usable key, be it one of ours or the environment's, or raise DoesNotExist."""
        try:
            found: ApiKey = super().get_from_key(key)
        except self.model.DoesNotExist:
            found = self.get_usable_keys().get(prefix=environment_prefix(key))
            if not found.is_valid(key):
                raise
        if found.has_expired:
            raise self.model.DoesNotExist("The key has expired.")
        return found

    def take_from_environment(self, key: str) -> None:
        """Store the key given by ``API_KEY`` hashed, with all scopes; drop an earlier one."""
        self.filter(from_environment=True).exclude(prefix=environment_prefix(key)).delete()
        if key and not self.filter(prefix=environment_prefix(key)).exists():
            hashed = self.key_generator.hash(key)
            self.create(
                id=f"{environment_prefix(key)}.{hashed}",
                prefix=environment_prefix(key),
                hashed_key=hashed,
                name="API_KEY of the environment",
                from_environment=True,
            )


#: When this process last noted the use of a key, by its prefix; seconds of the monotonic clock.
_last_noted: dict[str, float] = {}


def all_scopes() -> list[str]:
    return list(SCOPES)


class ApiKey(AbstractAPIKey):
    """A key of a client: what it may do (``scopes``) and where (``galleries``, empty: everywhere).

    Galleries are kept by name and not by foreign key: a key whose gallery was deleted must not
    turn into one for all galleries.
    """

    scopes = models.JSONField(default=all_scopes)
    galleries = models.JSONField(default=list, blank=True)
    from_environment = models.BooleanField(default=False, editable=False)
    last_used = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyManager()

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def may_use(self, gallery: str) -> bool:
        return not self.galleries or gallery in self.galleries

    def note_use(self) -> None:
        """Remember that the key is used: to the minute, so that most requests write nothing."""
        now = time.monotonic()
        if now - _last_noted.get(self.prefix, -USE_NOTED) < USE_NOTED:
            return
        _last_noted[self.prefix] = now  # first, so that other requests do not wait for a lock too
        ApiKey.objects.filter(pk=self.pk).update(last_used=timezone.now())
