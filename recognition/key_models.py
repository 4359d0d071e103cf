"""API keys: what a client may do, where, from where, how often, until when."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import time
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from facesite.middleware import address_in

SCOPES = ("register", "verify", "identify", "read", "delete")
USE_NOTED = 60.0  # seconds between two notes that a key is used
MOST_NETWORKS = 64  # of one key: each of its requests looks through them
# Other than a setting, a key's own rate is never none: revoke a key that nobody shall use.
RATE = re.compile(r"[1-9]\d*/([1-9]\d*)?[smhd]", re.ASCII)


def environment_prefix(key: str) -> str:
    """Return what the key given by ``API_KEY`` is looked up by: it has no prefix of its own."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def checked_networks(texts: Iterable[str]) -> list[str]:
    """Return addresses and networks as they are written, each once. Raises ValidationError."""
    found = list(dict.fromkeys(str(_network(text)) for text in texts))
    if len(found) > MOST_NETWORKS:
        raise ValidationError(f"A key has {MOST_NETWORKS} networks at most.")
    return found


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        said = f"{text[:64]!r} is no address or network. {_hint(text)}"
        raise ValidationError(said) from None
    # Clients are known by their IPv4 address, also where the socket is of the other family.
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is None or found.prefixlen < 96:
        return found
    return ipaddress.ip_network((mapped, found.prefixlen - 96))


def _hint(text: str) -> str:
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "Write 192.168.1.7, 10.0.0.0/8 or 2001:db8::/32."
    return f"Write {meant} for the network, or the address without a slash."


def check_networks(value: Any) -> None:
    """Refuse what is no list of networks (a validator)."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValidationError("Networks are a list of texts.")
    checked_networks(value)


def check_rate(value: str) -> None:
    """Refuse what django-ratelimit would not read as a limit (a validator)."""
    if not RATE.fullmatch(value):
        raise ValidationError(f"{value!r} is no rate. Write 100/m, 5000/h or 5/10s.")


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
            made = self.model(name="API_KEY of the environment", from_environment=True)
            self.assign_value(made, key)
            made.save()

    def assign_value(self, key: ApiKey, value: str) -> None:
        """Give a new key a value that was made elsewhere, where ``assign_key`` makes one."""
        key.prefix, key.hashed_key = environment_prefix(value), self.key_generator.hash(value)
        key.id = f"{key.prefix}.{key.hashed_key}"

    def usable(self, name: str) -> ApiKey | None:
        """Return the newest key of this name that is neither revoked nor expired."""
        named = self.get_usable_keys().filter(name=name).order_by("-created")
        return next((key for key in named if not key.has_expired), None)


#: When this process last noted the use of a key, by its prefix; seconds of the monotonic clock.
_last_noted: dict[str, float] = {}


def all_scopes() -> list[str]:
    return list(SCOPES)


class ApiKey(AbstractAPIKey):
    """A key of a client: what it may do (``scopes``) and where (``galleries``, empty: everywhere).

    ``networks``: where its client may be, empty: anywhere. ``rate``: how often all calls together
    may be made, empty: each call as often as its setting says.
    Galleries are kept by name and not by foreign key: a key whose gallery was deleted must not
    turn into one for all galleries.
    """

    scopes = models.JSONField(default=all_scopes)
    galleries = models.JSONField(default=list, blank=True)
    networks = models.JSONField(default=list, blank=True, validators=[check_networks])
    rate = models.CharField(
        max_length=16,
        blank=True,
        validators=[check_rate],
        help_text="All calls of this key together, such as 100/m, 5000/h or 5/10s. "
        "Empty: the limits of the service, each call by itself.",
    )
    from_environment = models.BooleanField(default=False, editable=False)
    last_used = models.DateTimeField(null=True, editable=False)

    objects = ApiKeyManager()

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def may_use(self, gallery: str) -> bool:
        return not self.galleries or gallery in self.galleries

    def may_come_from(self, address: str) -> bool:
        """Say whether a client at ``address``, which TrustedProxies found, may use the key."""
        if not self.networks:
            return True
        client = address_in(address)
        return client is not None and any(
            client in ipaddress.ip_network(network) for network in self.networks
        )

    def terms(self) -> dict[str, Any]:
        """Return what an event keeps of a key that is made or changed."""
        return {
            "key": self.prefix,
            "may": self.scopes,
            "galleries": self.galleries,
            "networks": self.networks,
            "rate": self.rate,
            "expires": self.expiry_date.isoformat() if self.expiry_date else None,
        }

    def note_use(self) -> None:
        """Remember that the key is used: to the minute, so that most requests write nothing."""
        now = time.monotonic()
        if now - _last_noted.get(self.prefix, -USE_NOTED) < USE_NOTED:
            return
        _last_noted[self.prefix] = now  # first, so that other requests do not wait for a lock too
        ApiKey.objects.filter(pk=self.pk).update(last_used=timezone.now())
