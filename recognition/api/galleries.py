"""The calls about galleries: the sets of people that are searched together."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import Count, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from recognition import services
from recognition.api import known, permissions
from recognition.api.base import ApiView
from recognition.api.forms import DeleteGalleryForm, Form, NewGalleryForm
from recognition.api.schema import documented
from recognition.api.throttling import limited
from recognition.models import ApiKey, Gallery


class GalleriesView(ApiView):
    """List the galleries, or make one."""

    rules: ClassVar = {"GET": permissions.READ, "POST": permissions.ADD_GALLERY}
    forms: ClassVar = {"GET": Form, "POST": NewGalleryForm}

    def get_queryset(self) -> QuerySet[Gallery]:
        """Return the galleries that the key may use, each with the number of its users."""
        galleries = Gallery.objects.annotate(users=Count("subjects"))
        key = self.request.auth
        if isinstance(key, ApiKey) and key.galleries:
            return galleries.filter(name__in=key.galleries)
        return galleries

    @documented("list_galleries", Form, {200: known.GallerySerializer(many=True)})
    @limited
    def get(self, request: Request) -> Response:
        self.sent()
        return Response(known.GallerySerializer(self.get_queryset(), many=True).data)

    @documented("create_gallery", NewGalleryForm, {201: known.GallerySerializer})
    @limited
    def post(self, request: Request) -> Response:
        name = self.sent()["name"]
        permissions.demand_gallery(request, name)
        services.create_gallery(name, actor=self.actor)
        made = self.get_queryset().get(name=name)
        return Response(known.GallerySerializer(made).data, status=201)


class GalleryView(ApiView):
    """Erase a gallery; `default` is emptied, not removed."""

    rules: ClassVar = {"DELETE": permissions.DELETE_GALLERY}
    forms: ClassVar = {"DELETE": DeleteGalleryForm}

    @documented(
        "delete_gallery",
        DeleteGalleryForm,
        {200: known.ErasedSerializer},
        errors=("gallery_not_found", "gallery_not_empty"),
    )
    @limited
    def delete(self, request: Request, name: str) -> Response:
        sent = self.sent()
        permissions.demand_gallery(request, name)
        if sent["force"]:  # which erases people
            permissions.DELETE.demand(request)
        erased = services.delete_gallery(name, force=sent["force"], actor=self.actor)
        return Response(known.ErasedSerializer({"erased": erased}).data)
