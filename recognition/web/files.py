"""How pages take files: in memory, and read only once there is a place for them."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from recognition.web.base import ConsolePage


class AnySize(MemoryFileUploadHandler):
    """Keep each file in memory, whatever its size: a request is bounded as a whole.

    The project's own handler ends a request at a file that is too large for a picture. A ZIP may be
    larger, and the admin says at its field which picture is too large.
    """

    def handle_raw_input(self, *args: Any, **options: Any) -> None:
        self.activated = True


class TakesFiles(ConsolePage):
    """A page whose POST checks the CSRF token itself (``token_refusal``).

    To look for it reads the body, for which there must be a place first.
    """

    @method_decorator(csrf_exempt)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().dispatch(request, *args, **kwargs)


def token_refusal(request: HttpRequest) -> HttpResponse | None:
    """Read a request and check its CSRF token; return the refusal, None where it is right."""
    right = HttpResponse()
    answer = csrf_protect(lambda _request: right)(request)
    return None if answer is right else answer
