"""Whether the service lives, whether it is ready, and what it can be asked."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, ClassVar

from django.conf import settings
from django.db import Error as DatabaseError
from django.urls import URLPattern
from drf_spectacular.utils import extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from facesite.cache import ping
from recognition import runtime, vault
from recognition.api import permissions
from recognition.api.base import REFUSED, ApiView
from recognition.api.forms import Form
from recognition.api.schema import documented
from recognition.api.throttling import count
from recognition.errors import RecognitionError
from recognition.gallery.engine import Engine
from recognition.gallery.follow import RETRY_AFTER
from recognition.models import (
    DEFAULT_GALLERY,
    ApiKey,
    Gallery,
    Reference,
    Subject,
)
from recognition.services.people import numbers_at_random
from recognition.vault.store import missing

OK, NOT_OK, OFF, DIFFERS = "ok", "not ok", "off", "differs"
UNWELL = (DatabaseError, RedisError, RecognitionError, Gallery.DoesNotExist, OSError)
SAMPLE = 5  # people whose keys are tried: some may be on the way out
PACKAGES = ("django", "djangorestframework", "onnxruntime", "faiss-cpu", "numpy", "pillow")


class HealthSerializer(serializers.Serializer):
    status = serializers.ChoiceField(["healthy"])


class ChecksSerializer(serializers.Serializer):
    database = serializers.ChoiceField([OK, NOT_OK])
    redis = serializers.ChoiceField(
        [OK, NOT_OK, OFF], help_text="The service goes on without it; off: not configured."
    )
    networks = serializers.ChoiceField([OK, NOT_OK])
    gallery = serializers.ChoiceField([OK, NOT_OK])
    keys = serializers.ChoiceField(
        [OK, NOT_OK], help_text="Whether the keys that faces are sealed under can be opened."
    )
    engine = serializers.ChoiceField(
        [OK, NOT_OK, OFF, DIFFERS],
        help_text="Milvus. differs: it does not hold as many people as the database; the service "
        "goes on, `manage.py sync_gallery` mends it. off: galleries are searched in memory.",
    )


class ReadySerializer(serializers.Serializer):
    status = serializers.ChoiceField(["ready"])
    checks = ChecksSerializer()
    embedder = serializers.CharField(allow_null=True)
    face_model = serializers.CharField(help_text="The setting FACE_MODEL.")
    details = serializers.DictField(
        required=False, help_text="Sizes and versions; for keys with the scope read, and staff."
    )


class HealthView(ApiView):
    """Say that the process answers."""

    rules = None
    authentication_classes: ClassVar = []

    @documented("health", Form, {200: HealthSerializer}, needs_key=False)
    def get(self, request: Request) -> Response:
        return Response({"status": "healthy"})


class ReadyView(ApiView):
    """Say whether pictures can be answered for: database, Redis, networks, gallery."""

    rules = None

    def perform_authentication(self, request: Request) -> None:
        """Leave that for later: asking for a key wants a database, which may be what is amiss."""

    @documented(
        "health_ready", Form, {200: ReadySerializer}, errors=("not_ready",), needs_key=False
    )
    def get(self, request: Request) -> Response:
        checks = readiness()
        found = {"checks": checks, "embedder": embedder(), "face_model": settings.FACE_MODEL}
        amiss = [name for name, state in checks.items() if state == NOT_OK and name != "redis"]
        if amiss:
            said = f"Not ready: {', '.join(amiss)}."
            if "gallery" in amiss and checks["database"] == OK and runtime.loaded() < 1:
                said += f" {runtime.loaded():.0%} of the people are loaded."
                found["retry_after"] = RETRY_AFTER
            if "keys" in amiss:
                said += " The keys that people are sealed under cannot be opened."
            raise RecognitionError("not_ready", said, extra=found)
        if self._may_see_details(request):
            found["details"] = details(request)
        return Response({"status": "ready", **found})

    def _may_see_details(self, request: Request) -> bool:
        try:
            return permissions.READ.allows(request) or request.user.is_staff
        except REFUSED:
            count(request, self)  # or keys could be tried here without end
            raise


def readiness() -> dict[str, str]:
    """Return the state of everything that answering a picture needs."""
    return {
        "database": _state(lambda: Gallery.objects.exists()),
        "redis": _state(ping) if settings.REDIS_URL else OFF,
        "networks": _state(_load),
        "gallery": _state(lambda: runtime.index(_gallery())),
        "keys": _state(_open_some),
        "engine": _engine(),
    }


def _state(act: Callable[[], Any]) -> str:
    try:
        act()
    except UNWELL:
        return NOT_OK
    return OK


def _engine() -> str:
    try:
        engine = runtime.engine()
        if engine is None:
            return OFF
        return OK if engine.compared().agree else DIFFERS
    except UNWELL:
        return NOT_OK


def _load() -> None:
    name = embedder() or runtime.default_embedder()
    if name not in runtime.EMBEDDERS:
        raise RecognitionError("not_ready", f"The embedder {name} is not known here.")
    runtime.extractor(name)


def _open_some() -> None:
    """Open keys of people: with others than theirs, everybody would be a stranger."""
    numbers = numbers_at_random(SAMPLE)
    if numbers and not vault.keys_of(numbers):
        raise missing(numbers[0])


def _gallery() -> Gallery:
    return Gallery.objects.get(name=DEFAULT_GALLERY)


def embedder() -> str | None:
    """Return the embedder of the gallery ``default``, None while nobody can tell."""
    try:
        return runtime.embedder_of(_gallery())
    except (DatabaseError, RecognitionError, Gallery.DoesNotExist):
        return None


def details(request: Request) -> dict[str, Any]:
    """Return sizes, of the galleries that may be seen, and versions."""
    galleries = Gallery.objects.all()
    limited = isinstance(request.auth, ApiKey) and bool(request.auth.galleries)
    if limited:
        galleries = galleries.filter(name__in=request.auth.galleries)
    found = {
        "galleries": galleries.count(),
        "users": Subject.objects.filter(gallery__in=galleries).count(),
        "references": Reference.objects.filter(subject__gallery__in=galleries).count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }
    names: dict[int | None, str | None] = dict(galleries.values_list("pk", "name"))
    if engine := runtime.engine():
        found["engine"] = engine_counts(engine, names if limited else {None: None, **names})
    return found


def engine_counts(engine: Engine, names: Mapping[int | None, str | None]) -> list[dict[str, Any]]:
    """Return how many people database and Milvus hold of some galleries; None: of all."""
    return [
        {
            "gallery": names[count.gallery],
            "embedder": count.embedder,
            "database": count.database,
            "milvus": count.milvus,
        }
        for count in engine.compared().counts
        if count.gallery in names
    ]


class CallsView(ApiView):
    """All calls of the API. `/docs/` describes each of them."""

    rules = None
    authentication_classes: ClassVar = []
    patterns: ClassVar[list[URLPattern]] = []

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response({pattern.name: self._described(pattern) for pattern in self.patterns})

    def _described(self, pattern: URLPattern) -> dict[str, Any]:
        view = pattern.callback.view_class
        names = list(pattern.pattern.converters)
        path = reverse(
            f"v1:{pattern.name}", kwargs={name: name for name in names}, request=self.request
        )
        for name in names:
            path = path.replace(f"/{name}", f"/{{{name}}}")
        methods = [m.upper() for m in ("get", "post", "patch", "delete") if hasattr(view, m)]
        return {"url": path, "methods": methods, "does": view.__doc__.splitlines()[0]}
