"""System checks: a wrong setting fails at ``manage.py check``, with a hint, not at midnight.

Ids: E001 API_KEY, E002 FACE_MODEL, E003 rates, E004 numbers, E005 TRUSTED_PROXIES, E006 REDIS_URL,
E021 GALLERY_ENGINE, E022 MILVUS_URI, E023 pymilvus, E024 other settings of Milvus,
E030 FACE_MASTER_KEY, E050 METRICS_KEY, E055 RETENTION_UNMATCHED_DAYS, E071 AUDIT_SYSLOG,
E080 KEYS_DATABASE_URL,
W001 several processes without Redis, W002 a non-empty gallery of another embedder.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

from recognition.consent import LONGEST_RETENTION
from recognition.models import GREATEST_RATE, LEAST_RATE, Gallery

SHORTEST_API_KEY = 24  # characters: of base64 144 bits
# Keys that stand in examples of this and other systems, which somebody will have copied.
KNOWN_EXAMPLES = (
    "00000000-0000-0000-0000-00000000000",
    "your-api-key",
    "your_api_key",
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "example",
    "test-api-key",
    "xxxxxxxx",
)
MAKE_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
RATE = re.compile(r"\d+/([1-9]\d*)?[smhd]")  # what django-ratelimit reads, without its leniency
RATES = ("RATE_REGISTER", "RATE_VERIFY", "RATE_IDENTIFY", "RATE_DEFAULT", "RATE_SESSION")
# name: (least, greatest)
NUMBERS: dict[str, tuple[float, float]] = {
    "FACE_DETECTION_CONFIDENCE": (0.0, 1.0),
    "FACE_MATCHING_THRESHOLD": (-1.0, 1.0),
    "FACE_AMBIGUITY_MARGIN": (0.0, 1.0),
    "FACE_TARGET_FMR": (LEAST_RATE, GREATEST_RATE),
    "FACE_TARGET_FPIR": (LEAST_RATE, GREATEST_RATE),
    "FACE_MIN_SIZE": (20, 400),
    "INFERENCE_THREADS": (1, 256),
    "WEB_CONCURRENCY": (1, 256),
    "MAX_RUNNING": (1, 64),
    "MAX_WAITING": (0, 256),
    "PORT": (1, 65535),
    "REDIS_PORT": (1, 65535),
    "HSTS_SECONDS": (0, 2**31),
    "EVENTS_KEEP": (1, LONGEST_RETENTION),
    "RETENTION_UNMATCHED_DAYS": (0, LONGEST_RETENTION),
    "SIGN_IN_FAILURES": (1, 1000),
    "SIGN_IN_WAIT": (1, 1440),
    "MAX_IMAGE_BYTES": (1024, 2**31),
    "MAX_IMAGE_PIXELS": (1024, 2**31),
    "MAX_REQUEST_BYTES": (1024, 2**31),
    "MAX_IMPORT_BYTES": (1024, 2**40),
    "MAX_IMPORT_FILES": (1, 1_000_000),
    "MILVUS_TIMEOUT": (1, 3600),
}
MILVUS_PREFIX = re.compile(
    r"[A-Za-z_][A-Za-z0-9_]{0,63}"
)  # what a collection's name may begin with


@register(Tags.security)
def check_api_key(**_: Any) -> list[CheckMessage]:
    """Refuse a key that can be guessed."""
    hint = f"Leave it out and use `manage.py create_api_key NAME`, or make one with: {MAKE_KEY}"
    return _weak("API_KEY", hint, "facesite.E001")


@register(Tags.security)
def check_metrics_key(**_: Any) -> list[CheckMessage]:
    """Refuse a key of /metrics that can be guessed."""
    hint = f"Leave it out, and only this machine may ask, or make one with: {MAKE_KEY}"
    return _weak("METRICS_KEY", hint, "facesite.E050")


def _weak(name: str, hint: str, id: str) -> list[CheckMessage]:
    """Return the error of a key that is set and can be guessed."""
    key = getattr(settings, name)
    if not key or not can_be_guessed(key):
        return []
    said = f"{name} is too weak: at least {SHORTEST_API_KEY} random characters are needed."
    return [Error(said, hint=hint, id=id)]


def can_be_guessed(key: str) -> bool:
    """Say whether ``key`` is short, monotonous or out of somebody's examples."""
    weak = len(key) < SHORTEST_API_KEY or len(set(key)) < SHORTEST_API_KEY // 3
    return weak or any(known in key.lower() for known in KNOWN_EXAMPLES)


@register(Tags.security)
def check_master_key(**_: Any) -> list[CheckMessage]:
    """Refuse a master key that is none."""
    from recognition.vault.master import parse

    found: list[CheckMessage] = []
    try:
        if settings.FACE_MASTER_KEY:
            parse(settings.FACE_MASTER_KEY)
    except ValueError as error:
        hint = "Make one with: head -c 32 /dev/urandom | base64"
        found.append(Error(f"FACE_MASTER_KEY: {error}.", hint=hint, id="facesite.E030"))
    return found


@register(Tags.security)
def check_key_store(**_: Any) -> list[CheckMessage]:
    """Refuse keys in the database whose faces they open: a copy of it would hold both."""
    if _place(settings.KEYS_DATABASE) != _place(settings.DATABASES["default"]):
        return []
    said = "KEYS_DATABASE_URL is the database itself: its copies would hold faces and their keys."
    hint = "Leave it out, or make another database for the keys."
    return [Error(said, hint=hint, id="facesite.E080")]


def _place(database: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return host, port and name of a database, however its address is written."""
    if database["ENGINE"].endswith("sqlite3"):
        return "", "", str(Path(database["NAME"]).resolve())
    host, port = database.get("HOST", "").lower(), database.get("PORT") or 5432
    host = "localhost" if host in {"", "127.0.0.1", "::1"} else host
    return host, str(port), str(database["NAME"])


@register(Tags.security)
def check_audit_syslog(**_: Any) -> list[CheckMessage]:
    """Refuse what is no address of a syslog."""
    address = settings.AUDIT_SYSLOG
    host, _, port = address.rpartition(":")
    is_port = port.isdecimal() and 0 < int(port) < 2**16
    if not address or address.startswith("/") or (host and is_port):
        return []
    hint = "Write /dev/log, or host:514 for one that listens to UDP."
    return [Error("AUDIT_SYSLOG is no address of a syslog.", hint=hint, id="facesite.E071")]


@register
def check_face_model(**_: Any) -> list[CheckMessage]:
    """Refuse an embedder that does not exist."""
    from recognition.runtime import EMBEDDERS

    if settings.FACE_MODEL in {"auto", *EMBEDDERS}:
        return []
    known = ", ".join(["auto", *EMBEDDERS])
    return [Error(f"FACE_MODEL is not one of {known}.", id="facesite.E002")]


@register
def check_rates(**_: Any) -> list[CheckMessage]:
    """Refuse a rate that django-ratelimit cannot read."""
    return [
        Error(
            f"{name}={getattr(settings, name)!r} is no rate.",
            hint="Write 10/m, 100/h or 5/10s; leave it empty for no limit.",
            id="facesite.E003",
        )
        for name in RATES
        if getattr(settings, name) and not RATE.fullmatch(getattr(settings, name))
    ]


@register
def check_numbers(**_: Any) -> list[CheckMessage]:
    """Refuse a number that makes no sense, NaN included."""
    values = {name: getattr(settings, name) for name in NUMBERS}
    return [
        Error(
            f"{name}={value} lies outside {NUMBERS[name][0]:g} to {NUMBERS[name][1]:g}.",
            id="facesite.E004",
        )
        for name, value in values.items()
        if value is not None
        and (math.isnan(value) or not NUMBERS[name][0] <= value <= NUMBERS[name][1])
    ]


@register
def check_retention(**_: Any) -> list[CheckMessage]:
    """Refuse to erase people by matches that are forgotten before."""
    days, kept = settings.RETENTION_UNMATCHED_DAYS, settings.EVENTS_KEEP
    if days <= kept:
        return []
    return [
        Error(
            f"RETENTION_UNMATCHED_DAYS={days} is more than EVENTS_KEEP={kept}.",
            hint=f"Keep events for {days} days: who was matched when is known by them.",
            id="facesite.E055",
        )
    ]


@register(Tags.security)
def check_trusted_proxies(**_: Any) -> list[CheckMessage]:
    """Refuse what is no address or network."""
    return [
        Error(
            f"TRUSTED_PROXIES: {text!r} is no address or network.",
            hint="Write addresses or networks such as 10.0.0.0/8, separated by commas.",
            id="facesite.E005",
        )
        for text in settings.TRUSTED_PROXIES
        if not _is_network(text)
    ]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@register
def check_redis(**_: Any) -> list[CheckMessage]:
    """Refuse an address that is no Redis; say what several processes without one mean."""
    if settings.REDIS_URL:
        if urlsplit(settings.REDIS_URL).scheme in {"redis", "rediss", "unix"}:
            return []
        hint = "Write redis://HOST:PORT/0, or set REDIS_HOST and REDIS_PORT."
        return [Error("REDIS_URL is no address of a Redis.", hint=hint, id="facesite.E006")]
    if settings.WEB_CONCURRENCY == 1:
        return []
    return [
        Warning(
            "Without Redis each of several processes counts requests for itself: a limit of "
            f"10/m lets up to {10 * settings.WEB_CONCURRENCY} pass.",
            hint="Set REDIS_URL, or WEB_CONCURRENCY=1 (one process with threads serves well).",
            id="facesite.W001",
        )
    ]


@register
def check_engine(**_: Any) -> list[CheckMessage]:
    """Refuse an engine that does not exist, and one that cannot be reached or imported."""
    if settings.GALLERY_ENGINE == "exact":
        return []
    if settings.GALLERY_ENGINE != "milvus":
        return [Error("GALLERY_ENGINE is neither exact nor milvus.", id="facesite.E021")]
    found: list[CheckMessage] = []
    address = urlsplit(settings.MILVUS_URI)
    # A file would be opened by each process for itself, and by one alone.
    if address.scheme not in {"http", "https", "tcp"} or not address.netloc:
        hint = "Write http://HOST:19530."
        found.append(Error("MILVUS_URI is no address of a Milvus.", hint=hint, id="facesite.E022"))
    if importlib.util.find_spec("pymilvus") is None:
        hint = f"{sys.executable} -m pip install --constraint constraints.txt pymilvus"
        found.append(Error("pymilvus is not installed.", hint=hint, id="facesite.E023"))
    return found + _wrong_for_milvus()


def _wrong_for_milvus() -> list[CheckMessage]:
    wrong = {
        "MILVUS_PREFIX is no beginning of a name": not MILVUS_PREFIX.fullmatch(
            settings.MILVUS_PREFIX
        ),
        "MILVUS_INDEX_PARAMS is no JSON object": not isinstance(settings.MILVUS_INDEX_PARAMS, dict),
        "MILVUS_SEARCH_PARAMS is no JSON object": not isinstance(
            settings.MILVUS_SEARCH_PARAMS, dict
        ),
        f"MILVUS_TURN_KEY has under {SHORTEST_API_KEY} characters": (
            len(settings.MILVUS_TURN_KEY) < SHORTEST_API_KEY
        ),
    }
    return [Error(f"{said}.", id="facesite.E024") for said, is_so in wrong.items() if is_so]


@register(Tags.database)
def check_galleries(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Say where a gallery keeps an embedder that FACE_MODEL does not name."""
    if not databases or settings.FACE_MODEL == "auto":
        return []
    if Gallery._meta.db_table not in connection.introspection.table_names():
        return []  # `manage.py migrate` checks before it makes the tables
    others = Gallery.objects.exclude(embedder__in=["", settings.FACE_MODEL])
    return [
        Warning(
            f"The gallery {gallery.name!r} keeps its embedder {gallery.embedder}: its references "
            f"cannot be compared with those of FACE_MODEL={settings.FACE_MODEL}.",
            id="facesite.W002",
        )
        for gallery in others
    ]
