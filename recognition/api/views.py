"""The calls that take a picture: register, verify, compare, identify, detect."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from recognition import services
from recognition.api import permissions
from recognition.api.base import PictureView
from recognition.api.forms import (
    CompareForm,
    DetectForm,
    IdentifyForm,
    RegisterForm,
    VerifyForm,
    register_options,
    selection,
    wanted,
)
from recognition.api.schema import documented
from recognition.api.serializers import (
    ComparisonSerializer,
    DetectionSerializer,
    IdentificationSerializer,
    RegistrationSerializer,
    VerificationSerializer,
    shown,
)
from recognition.api.throttling import limited

# What can be wrong with a picture, and with the face in it.
PICTURE = ("invalid_image", "image_too_large", "unsupported_image", "overloaded")
FACE = ("no_face", "face_too_small", "low_quality")


class RegisterView(PictureView):
    """Add 1 to 10 photographs to a person, who is made known by the first."""

    rules: ClassVar = {"POST": permissions.REGISTER}
    forms: ClassVar = {"POST": RegisterForm}
    rate = "RATE_REGISTER"

    @documented(
        "register",
        RegisterForm,
        {
            201: RegistrationSerializer,
            200: (RegistrationSerializer, "A dry run: nothing was changed."),
        },
        errors=(
            *PICTURE,
            *FACE,
            "multiple_faces",
            "duplicate_face",
            "consent_required",
            "gallery_not_found",
        ),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        if sent["replace"]:
            permissions.DELETE.demand(request)
        gallery, options = self.gallery(sent), register_options(sent)
        with self.place():
            done = services.register(gallery, sent["user_id"], sent["file"], options, self.actor)
        answer = shown(RegistrationSerializer, done)
        return Response(answer, status=200 if done.dry_run else 201)


class VerifyView(PictureView):
    """Say whether a photograph shows the person it is claimed to show (1:1)."""

    rules: ClassVar = {"POST": permissions.VERIFY}
    forms: ClassVar = {"POST": VerifyForm}
    rate = "RATE_VERIFY"

    @documented(
        "verify",
        VerifyForm,
        {200: VerificationSerializer},
        errors=(*PICTURE, *FACE, "consent_required", "user_not_found", "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        gallery, chosen = self.gallery(sent), selection(sent)
        asked = wanted(sent, "target_fmr")
        with self.place():
            verification = services.verify(
                gallery,
                sent["user_id"],
                sent["file"],
                selection=chosen,
                wanted=asked,
                actor=self.actor,
            )
        return Response(shown(VerificationSerializer, verification))


class CompareView(PictureView):
    """Say whether two photographs show the same person; nobody needs to be registered."""

    rules: ClassVar = {"POST": permissions.VERIFY}
    forms: ClassVar = {"POST": CompareForm}

    @documented(
        "compare",
        CompareForm,
        {200: ComparisonSerializer},
        errors=(*PICTURE, "no_face", "face_too_small", "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        gallery, chosen = self.gallery(sent), (selection(sent, "1"), selection(sent, "2"))
        asked = wanted(sent, "target_fmr")
        with self.place():
            comparison = services.compare(
                gallery,
                (sent["file1"], sent["file2"]),
                selections=chosen,
                wanted=asked,
                actor=self.actor,
            )
        return Response(shown(ComparisonSerializer, comparison))


class IdentifyView(PictureView):
    """Find who is in a photograph: every face in it is searched (1:N)."""

    rules: ClassVar = {"POST": permissions.IDENTIFY}
    forms: ClassVar = {"POST": IdentifyForm}
    rate = "RATE_IDENTIFY"

    @documented(
        "identify",
        IdentifyForm,
        {200: IdentificationSerializer},
        errors=(*PICTURE, "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        if sent["candidates"]:
            permissions.READ.demand(request)
        gallery, asked = self.gallery(sent), wanted(sent, "target_fpir")
        with self.place():
            identification = services.identify(
                gallery,
                sent["file"],
                limit=sent["limit"],
                candidates=sent["candidates"] or 0,
                wanted=asked,
                min_face_size=sent["min_face_size"],
                live=sent["live"],
                actor=self.actor,
            )
        return Response(shown(IdentificationSerializer, identification))


class DetectView(PictureView):
    """Find the faces in a photograph, and measure how good each one is."""

    rules: ClassVar = {"POST": permissions.ANY_KEY}
    forms: ClassVar = {"POST": DetectForm}

    @documented(
        "detect",
        DetectForm,
        {200: DetectionSerializer},
        errors=(*PICTURE, "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        gallery, size = self.gallery(sent), sent["min_face_size"]
        with self.place():
            sight = services.detect(gallery, sent["file"], min_face_size=size, actor=self.actor)
        return Response(shown(DetectionSerializer, sight))
