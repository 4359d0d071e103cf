"""The admin's cast: a superuser's browser, and those of staff with some permissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from recognition.models import Gallery, Subject
from tests.conftest import Photos


@pytest.fixture
def staff(gallery: Gallery, django_user_model: Any) -> Callable[..., Client]:
    """Return a function that signs in a member of staff: ``staff("view_subject")``."""

    def sign_in(*permissions: str, **options: Any) -> Client:
        user = django_user_model.objects.create_user("viv", password="x", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client(**options)
        client.force_login(user)
        return client

    return sign_in


class Pages:
    """The pages about people, as ``client`` uses them."""

    def __init__(self, client: Client, photos: Photos) -> None:
        self.client, self.photos = client, photos

    def add(self, user_id: str, *pictures: str | bytes, **fields: Any) -> HttpResponse:
        """Fill in the form for a new person; a name is a photograph, bytes are a file."""
        gallery = Gallery.objects.get(name="default").pk
        form = {"gallery": gallery, "user_id": user_id, "metadata": "{}"}
        form |= {"lawful_basis": "unset", **fields}
        return self._send(address("subject", "add"), form, pictures)

    def add_photographs(self, subject: Subject, *pictures: str | bytes) -> HttpResponse:
        return self._send(address("subject", "photographs", subject.pk), {}, pictures)

    def _send(self, path: str, form: dict[str, Any], pictures: Any) -> HttpResponse:
        files = [self._file(number, picture) for number, picture in enumerate(pictures)]
        return self.client.post(path, {**form, "photographs": files})

    def _file(self, number: int, picture: str | bytes) -> SimpleUploadedFile:
        if isinstance(picture, bytes):
            return SimpleUploadedFile(f"file{number}.jpg", picture)
        upload = self.photos.upload(picture)
        return SimpleUploadedFile(upload.name, upload.data)

    def change(self, subject: Subject, *doomed: int, **changes: str) -> HttpResponse:
        """Change a person, and tick the references with the numbers ``doomed``."""
        references = list(subject.references.all())
        form = {"display_name": subject.display_name, "metadata": "{}", "active": "on"}
        form |= {"lawful_basis": subject.lawful_basis, **changes}
        form |= {"references-TOTAL_FORMS": len(references)}
        form |= {"references-INITIAL_FORMS": len(references)}
        form |= {f"references-{n}-id": str(one.pk) for n, one in enumerate(references)}
        form |= {f"references-{number}-DELETE": "on" for number in doomed}
        return self.client.post(address("subject", "change", subject.pk), form)


def address(model: str, page: str, *args: object) -> str:
    """Return where a page of the admin is: ``address("subject", "changelist")``."""
    return reverse(f"admin:recognition_{model}_{page}", args=args)


@pytest.fixture
def pages(admin_client: Client, gallery: Gallery, photos: Photos) -> Pages:
    """Return the pages as a superuser sees them."""
    return Pages(admin_client, photos)
