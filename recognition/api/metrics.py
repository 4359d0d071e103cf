"""GET /metrics: what Prometheus collects (docs/watching.md)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from recognition.api.base import ApiView
from recognition.api.throttling import count
from recognition.errors import RecognitionError

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format
HINT = (
    "Send METRICS_KEY as `Authorization: Bearer KEY`, or without one ask from the machine itself."
)


class MetricsView(ApiView):
    """Tell what was counted and how things are, to who has the key or to this machine alone."""

    rules = None
    authentication_classes: ClassVar = []

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        if not may_collect(request._request):
            count(request, self)  # or keys could be tried here without end
            raise RecognitionError("permission_denied", "You may not collect metrics.", hint=HINT)
        from recognition.states import exposition  # prometheus_client: see recognition/metrics.py

        return HttpResponse(exposition(), content_type=MEDIA_TYPE)


def may_collect(request: HttpRequest) -> bool:
    """Say whether the key was sent, or, where there is none, whether this machine asks."""
    if not settings.METRICS_KEY:
        return bool(request.is_local)
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and constant_time_compare(sent.strip(), settings.METRICS_KEY)
