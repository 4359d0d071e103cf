"""The pages that take photographs: register, verify, identify, live.

With JavaScript they call the API. Without it their forms come here, and the same services answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request

from recognition import runtime, services
from recognition.admission import Client
from recognition.api.forms import (
    Form,
    IdentifyForm,
    RegisterForm,
    VerifyForm,
    register_options,
    selection,
    wanted,
)
from recognition.api.problems import refusal_of
from recognition.api.throttling import count_session
from recognition.errors import RecognitionError
from recognition.models import DEFAULT_GALLERY, Gallery
from recognition.services import find_gallery
from recognition.web.base import gallery_names, require
from recognition.web.consent import SaidForm
from recognition.web.files import TakesFiles, token_refusal

SHOWN = ("user_id", "display_name", "threshold")  # again in the form that was refused


class PicturePage(TakesFiles):
    """A page whose form takes photographs: ``form`` is that of the API's call."""

    template: ClassVar[str] = ""
    form: ClassVar[type[Form]]

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page({"user_id": request.GET.get("user_id", "")})

    def post(self, request: HttpRequest) -> HttpResponse:
        count_session(request)
        with runtime.places().sending():
            refused = token_refusal(request)
        return refused or self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        shown = {name: request.POST.get(name, "") for name in SHOWN}
        asked = Request(request, parsers=[MultiPartParser(), FormParser()])
        try:
            sent = self.form.read(asked)
            gallery = find_gallery(sent["gallery"])
            with runtime.places().place(Client.of(request.META)):
                done = self.act(gallery, sent)
        except (RecognitionError, APIException) as error:
            refused = refusal_of(error)
            assert refused is not None  # noqa: S101  # both kinds have one; for mypy
            return self.page(shown, refused=refused, status=refused.problem.status)
        return self.page(shown, done=done, gallery=gallery.name)

    def act(self, gallery: Gallery, sent: dict[str, Any]) -> Any:
        """Return what the service says of the photographs that were sent."""
        raise NotImplementedError

    def page(
        self,
        sent: Mapping[str, str],
        *,
        refused: RecognitionError | None = None,
        status: int = 200,
        **context: Any,
    ) -> HttpResponse:
        """Show the form, with what was sent before, what came of it or why it was refused."""
        errors = refused.errors if refused else {}
        chosen = self.request.POST.get("gallery") or self.request.GET.get("gallery")
        context = {"gallery": chosen or DEFAULT_GALLERY, "galleries": gallery_names(), **context}
        context |= {"sent": sent, "errors": errors, "refused": None if errors else refused}
        consent = SaidForm(self.request.POST or None)
        context |= {"consent": consent, "consent_required": settings.CONSENT_REQUIRED}
        context |= {"largest": settings.MAX_IMAGE_BYTES}
        return self.show(self.template, status=status, **context)


class RegisterPage(PicturePage):
    permissions: ClassVar = {"GET": "add_subject", "POST": "add_subject"}
    section, template, form = "register", "register.html", RegisterForm

    def act(self, gallery: Gallery, sent: dict[str, Any]) -> Any:
        if sent["replace"]:
            require(self.request, "delete_subject")
        options = register_options(sent)
        return services.register(gallery, sent["user_id"], sent["file"], options, self.actor)


class VerifyPage(PicturePage):
    permissions: ClassVar = {"GET": "verify_subject", "POST": "verify_subject"}
    section, template, form = "verify", "verify.html", VerifyForm

    def act(self, gallery: Gallery, sent: dict[str, Any]) -> Any:
        return services.verify(
            gallery,
            sent["user_id"],
            sent["file"],
            selection=selection(sent),
            wanted=wanted(sent, "target_fmr"),
            actor=self.actor,
        )


class IdentifyPage(PicturePage):
    permissions: ClassVar = {"GET": "identify_subject", "POST": "identify_subject"}
    section, template, form = "identify", "identify.html", IdentifyForm

    def act(self, gallery: Gallery, sent: dict[str, Any]) -> Any:
        asked = wanted(sent, "target_fpir")
        return services.identify(gallery, sent["file"], wanted=asked, actor=self.actor)


class LivePage(PicturePage):
    """The webcam; there is no form to be sent here."""

    permissions: ClassVar = {"GET": "identify_subject"}
    section, template = "live", "live.html"
    http_method_names: ClassVar = ["get", "head", "options"]
