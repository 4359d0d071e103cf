"""What all views of the API share: the order of checks, and how a request is read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from rest_framework import exceptions
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from facesite.middleware import actor_name
from recognition import runtime
from recognition.admission import Client
from recognition.api.forms import Form
from recognition.api.permissions import Rule, demand_gallery
from recognition.api.throttling import count, limited
from recognition.models import Gallery
from recognition.services import find_gallery
from recognition.services.results import Actor

REFUSED = (
    exceptions.NotAuthenticated,
    exceptions.AuthenticationFailed,
    exceptions.PermissionDenied,
)

# DRF's pages and drf-spectacular's have styles inside; scripts they load as files.
inline_styles = csp_replace({"style-src": [SELF, UNSAFE_INLINE]})


@method_decorator(inline_styles, name="dispatch")
class ApiView(GenericAPIView):
    """A call: ``rules`` and ``forms`` by method, ``rate`` the setting that limits it."""

    # None: anybody may ask, without a key.
    rules: ClassVar[Mapping[str, Rule] | None] = {}
    forms: ClassVar[Mapping[str, type[Form]]] = {}
    rate = "RATE_DEFAULT"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate and permit; whoever is refused is counted as well, or could try for ever."""
        try:
            super().initial(request, *args, **kwargs)
        except REFUSED:
            count(request, self)
            raise

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return what every answer carries: people are nothing that a cache may keep."""
        return {**super().default_response_headers, "Cache-Control": "no-store"}

    def get_serializer_class(self) -> type[Form]:
        """Return the form of the method, which the browsable API shows."""
        return self.forms.get(self.request.method, Form)

    @limited
    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().options(request, *args, **kwargs)

    def sent(self) -> dict[str, Any]:
        """Return the validated fields of the request."""
        return self.forms[self.method].read(self.request)

    def gallery(self, sent: Mapping[str, Any]) -> Gallery:
        """Return the gallery that is meant, where the key may use it."""
        demand_gallery(self.request, sent["gallery"])
        return find_gallery(sent["gallery"])

    @property
    def method(self) -> str:
        return "GET" if self.request.method == "HEAD" else self.request.method

    @property
    def actor(self) -> Actor:
        return Actor(actor_name(self.request._request), self.request.id)


class PictureView(ApiView):
    """A call with pictures: so many are taken at once (``recognition/admission.py``)."""

    def sent(self) -> dict[str, Any]:
        """Return the validated fields; where too many requests wait, the body is not read."""
        with runtime.places().sending():
            return super().sent()

    def place(self) -> AbstractContextManager[None]:
        """Return the place to compute the answer in, waited for on entry."""
        return runtime.places().place(Client.of(self.request.META))
