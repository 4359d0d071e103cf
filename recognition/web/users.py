"""Who is known: the list, and a person's page."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from recognition import services
from recognition.errors import RecognitionError
from recognition.web.base import ConsolePage


class ThumbnailView(ConsolePage):
    """The oldest crop that is kept of a person, as JPEG."""

    permissions: ClassVar = {"GET": "view_subject"}

    def get(self, request: HttpRequest, gallery: str, user_id: str) -> HttpResponse:
        user = services.find_user(services.find_gallery(gallery), user_id)
        kept = user.references.filter(sealed_crop__isnull=False).first()
        if kept is None:
            raise RecognitionError("not_found", "No crop is kept of this person.")
        return HttpResponse(kept.crop, content_type="image/jpeg")
