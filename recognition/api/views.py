"""The calls that take a picture: register, verify, compare, identify, detect."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from recognition import services
from recognition.api import permissions, serializers
from recognition.api.base import ApiView
from recognition.api.forms import (
    CompareForm,
    DetectForm,
    IdentifyForm,
    RegisterForm,
    VerifyForm,
    register_options,
    selection,
)
from recognition.api.schema import documented
from recognition.api.throttling import limited

# What can be wrong with a picture, and with the face in it.
PICTURE = ("invalid_image", "image_too_large", "unsupported_image")
FACE = ("no_face", "face_too_small", "low_quality")


class RegisterView(ApiView):
    """Add 1 to 10 photographs to a person, who is made known by the first."""

    rules: ClassVar = {"POST": permissions.REGISTER}
    forms: ClassVar = {"POST": RegisterForm}
    rate = "RATE_REGISTER"

    @documented(
        "register",
        RegisterForm,
        {
            201: serializers.RegistrationSerializer,
            200: (serializers.RegistrationSerializer, "A dry run: nothing was changed."),
        },
        errors=(*PICTURE, *FACE, "multiple_faces", "duplicate_face", "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        if sent["replace"]:
            permissions.DELETE.demand(request)
        done = services.register(
            self.gallery(sent), sent["user_id"], sent["file"], register_options(sent), self.actor
        )
        answer = serializers.RegistrationSerializer(done).data
        return Response(answer, status=200 if done.dry_run else 201)


class VerifyView(ApiView):
    """Say whether a photograph shows the person it is claimed to show (1:1)."""

    rules: ClassVar = {"POST": permissions.VERIFY}
    forms: ClassVar = {"POST": VerifyForm}
    rate = "RATE_VERIFY"

    @documented(
        "verify",
        VerifyForm,
        {200: serializers.VerificationSerializer},
        errors=(*PICTURE, *FACE, "user_not_found", "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        verification = services.verify(
            self.gallery(sent),
            sent["user_id"],
            sent["file"],
            selection=selection(sent),
            threshold=sent["threshold"],
            actor=self.actor,
        )
        return Response(serializers.VerificationSerializer(verification).data)


class CompareView(ApiView):
    """Say whether two photographs show the same person; nobody needs to be registered."""

    rules: ClassVar = {"POST": permissions.VERIFY}
    forms: ClassVar = {"POST": CompareForm}

    @documented(
        "compare",
        CompareForm,
        {200: serializers.ComparisonSerializer},
        errors=(*PICTURE, "no_face", "face_too_small", "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        comparison = services.compare(
            self.gallery(sent),
            (sent["file1"], sent["file2"]),
            selections=(selection(sent, "1"), selection(sent, "2")),
            threshold=sent["threshold"],
            actor=self.actor,
        )
        return Response(serializers.ComparisonSerializer(comparison).data)


class IdentifyView(ApiView):
    """Find who is in a photograph: every face in it is searched (1:N)."""

    rules: ClassVar = {"POST": permissions.IDENTIFY}
    forms: ClassVar = {"POST": IdentifyForm}
    rate = "RATE_IDENTIFY"

    @documented(
        "identify",
        IdentifyForm,
        {200: serializers.IdentificationSerializer},
        errors=(*PICTURE, "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        if sent["candidates"]:
            permissions.READ.demand(request)
        identification = services.identify(
            self.gallery(sent),
            sent["file"],
            limit=sent["limit"],
            candidates=sent["candidates"] or 0,
            threshold=sent["threshold"],
            min_face_size=sent["min_face_size"],
            actor=self.actor,
        )
        return Response(serializers.IdentificationSerializer(identification).data)


class DetectView(ApiView):
    """Find the faces in a photograph, and measure how good each one is."""

    rules: ClassVar = {"POST": permissions.ANY_KEY}
    forms: ClassVar = {"POST": DetectForm}

    @documented(
        "detect",
        DetectForm,
        {200: serializers.DetectionSerializer},
        errors=(*PICTURE, "gallery_not_found"),
    )
    @limited
    def post(self, request: Request) -> Response:
        sent = self.sent()
        faces = services.detect(
            self.gallery(sent),
            sent["file"],
            min_face_size=sent["min_face_size"],
            actor=self.actor,
        )
        return Response(serializers.DetectionSerializer({"faces": faces}).data)
