"""The calls about who is known: list, show, change and erase users and their references."""

from __future__ import annotations

from typing import ClassVar

from django.core.paginator import EmptyPage, Paginator
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from recognition import services
from recognition.api import known, permissions
from recognition.api.base import ApiView
from recognition.api.forms import GalleryForm, UserForm, UsersForm
from recognition.api.schema import JPEG, ZIP, documented
from recognition.api.throttling import limited
from recognition.errors import RecognitionError
from recognition.models import Subject

UNKNOWN = ("user_not_found", "gallery_not_found")


class UsersView(ApiView):
    """List who is registered in a gallery, by user_id."""

    rules: ClassVar = {"GET": permissions.READ}
    forms: ClassVar = {"GET": UsersForm}

    @documented(
        "list_users",
        UsersForm,
        {200: known.UsersPageSerializer},
        errors=("gallery_not_found", "not_found"),
    )
    @limited
    def get(self, request: Request) -> Response:
        sent = self.sent()
        users = services.list_users(self.gallery(sent))
        if sent["search"]:
            users = users.matching(sent["search"])
        pages = Paginator(users, sent["page_size"])
        try:
            page = pages.page(sent["page"])
        except EmptyPage:
            said = f"There are {pages.num_pages} pages."
            raise RecognitionError("not_found", said, hint="Ask for one of them.") from None
        shown = {
            "count": pages.count,
            "next": self._link(page.number + 1) if page.has_next() else None,
            "previous": self._link(page.number - 1) if page.has_previous() else None,
            "results": page.object_list,
        }
        return Response(known.UsersPageSerializer(shown).data)

    def _link(self, number: int) -> str:
        return str(replace_query_param(self.request.build_absolute_uri(), "page", number))


class UserView(ApiView):
    """Show one user with their references, or change their name, metadata, consent or activity."""

    rules: ClassVar = {"GET": permissions.READ, "PATCH": permissions.CHANGE}
    forms: ClassVar = {"GET": GalleryForm, "PATCH": UserForm}

    @documented("show_user", GalleryForm, {200: known.UserSerializer}, errors=UNKNOWN)
    @limited
    def get(self, request: Request, user_id: str) -> Response:
        return self._show(services.view_user(self.gallery(self.sent()), user_id, actor=self.actor))

    @documented("update_user", UserForm, {200: known.UserSerializer}, errors=UNKNOWN)
    @limited
    def patch(self, request: Request, user_id: str) -> Response:
        sent = UserForm.read_sent(request)
        gallery = self.gallery(sent)
        changes = {name: value for name, value in sent.items() if name != "gallery"}
        return self._show(services.update_user(gallery, user_id, changes, actor=self.actor))

    def _show(self, user: Subject) -> Response:
        return Response(known.UserSerializer(user).data)


class UnregisterView(ApiView):
    """Erase a user: references, crops, template, and every trace in the search."""

    rules: ClassVar = {"DELETE": permissions.DELETE}
    forms: ClassVar = {"DELETE": GalleryForm}

    @documented("unregister", GalleryForm, {200: known.UnregisteredSerializer}, errors=UNKNOWN)
    @limited
    def delete(self, request: Request, user_id: str) -> Response:
        erased = services.unregister(self.gallery(self.sent()), user_id, actor=self.actor)
        answer = {"message": f"{user_id} is erased.", "user_id": user_id, "erased": erased}
        answer["receipt"] = erased.receipts[0]
        return Response(known.UnregisteredSerializer(answer).data)


class ReferenceView(ApiView):
    """Erase one reference; with the last one the user stays, without a face."""

    rules: ClassVar = {"DELETE": permissions.DELETE}
    forms: ClassVar = {"DELETE": GalleryForm}

    @documented(
        "delete_reference",
        GalleryForm,
        {200: known.ErasedSerializer},
        errors=(*UNKNOWN, "not_found"),
    )
    @limited
    def delete(self, request: Request, user_id: str, reference_id: str) -> Response:
        gallery = self.gallery(self.sent())
        erased = services.delete_reference(gallery, user_id, reference_id, actor=self.actor)
        return Response(known.ErasedSerializer({"erased": erased}).data)


class CropView(ApiView):
    """Show the part of the photograph that a reference was made from, as JPEG."""

    rules: ClassVar = {"GET": permissions.READ}
    forms: ClassVar = {"GET": GalleryForm}

    @documented(
        "show_crop", GalleryForm, {(200, "image/jpeg"): JPEG}, errors=(*UNKNOWN, "not_found")
    )
    @limited
    def get(self, request: Request, user_id: str, reference_id: str) -> HttpResponse:
        user = services.view_user(self.gallery(self.sent()), user_id, actor=self.actor)
        reference = services.find_reference(user, reference_id)
        crop = reference.crop
        if crop is None:
            raise RecognitionError("not_found", "No crop is kept under this reference_id.")
        return HttpResponse(crop, content_type="image/jpeg")


class ExportView(ApiView):
    """Hand out everything that is held on one person, as a ZIP with a README.txt."""

    rules: ClassVar = {"GET": permissions.EXPORT}
    forms: ClassVar = {"GET": GalleryForm}

    @documented("export_user", GalleryForm, {(200, "application/zip"): ZIP}, errors=UNKNOWN)
    @limited
    def get(self, request: Request, user_id: str) -> HttpResponse:
        exported = services.export_person(self.gallery(self.sent()), user_id, actor=self.actor)
        answer = HttpResponse(exported, content_type="application/zip")
        answer["Content-Disposition"] = f'attachment; filename="{user_id}.zip"'
        return answer
