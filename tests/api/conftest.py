"""The API's cast: a client with a key, and photographs as bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from facesite.logs import ConsoleFormatter
from recognition.models import ApiKey, Gallery, GalleryChange, Reference, Subject
from tests.conftest import Photos, logged


class Api:
    """A client of the API; ``key`` empty: without a key."""

    def __init__(self, key: str, **defaults: Any) -> None:
        self.client = Client(raise_request_exception=False, **defaults)
        self.key = key

    def call(self, method: str, path: str, **options: Any) -> HttpResponse:
        headers = {"X-API-Key": self.key} if self.key else {}
        headers |= options.pop("headers", {})
        return self.client.generic(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> HttpResponse:
        return self.call("GET", path, **options)

    def delete(self, path: str, **options: Any) -> HttpResponse:
        return self.call("DELETE", path, **options)

    def post(self, path: str, **fields: Any) -> HttpResponse:
        """Post a form; bytes, and lists of bytes, are sent as files."""
        headers = {"X-API-Key": self.key} if self.key else {}
        form = {name: as_files(value) for name, value in fields.items()}
        return self.client.post(path, form, headers=headers)

    def send_json(self, method: str, path: str, body: Any) -> HttpResponse:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.call(method, path, data=text, content_type="application/json")


def as_files(value: Any) -> Any:
    if isinstance(value, bytes):
        return SimpleUploadedFile("photo.jpg", value)
    return [as_files(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def make_key(db: None) -> Callable[..., str]:
    """Return a function that makes a key: ``make_key("read", "delete", galleries=["a"])``."""

    def make(
        *scopes: str,
        galleries: tuple[str, ...] = (),
        networks: tuple[str, ...] = (),
        rate: str = "",
    ) -> str:
        terms = {"galleries": list(galleries), "networks": list(networks), "rate": rate}
        return str(ApiKey.objects.create_key(name="t", scopes=list(scopes), **terms)[1])

    return make


@pytest.fixture
def make_api(make_key: Callable[..., str]) -> Callable[..., Api]:
    """Return a function that makes a client with a key of just these scopes."""
    return lambda *scopes, **limits: Api(make_key(*scopes, **limits))


@pytest.fixture
def api(make_api: Callable[..., Api], gallery: Gallery) -> Api:
    """Return a client that may do everything, with networks and an empty gallery."""
    return make_api("register", "verify", "identify", "read", "delete")


@pytest.fixture
def ada(api: Api, pictures: Pictures) -> None:
    """Let Ada be known by a photograph of Obama."""
    assert api.post("/register", user_id="ada", file=pictures.obama).status_code == 201


@pytest.fixture
def anonymous(gallery: Gallery) -> Api:
    return Api("")


@pytest.fixture
def staff(gallery: Gallery, django_user_model: Any) -> Callable[..., Api]:
    """Return a function that signs in a member of staff with Django permissions."""

    def sign_in(*permissions: str, csrf: bool = False) -> Api:
        from django.contrib.auth.models import Permission

        user = django_user_model.objects.create_user("viv", password="x", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        api = Api("", enforce_csrf_checks=csrf)
        api.client.force_login(user)
        return api

    return sign_in


class Pictures:
    """The photographs' bytes: ``pictures.obama``."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos

    def __getattr__(self, name: str) -> bytes:
        return bytes(self._photos.upload(name).data)


@pytest.fixture(scope="session")
def pictures(photos: Photos) -> Pictures:
    return Pictures(photos)


@pytest.fixture
def log() -> Iterator[StringIO]:
    """Return what is logged as the console shows it."""
    with logged(ConsoleFormatter()) as stream:
        yield stream


def assert_problem(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """Assert that ``response`` is a problem document a person can act on, and return it."""
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.content)
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["type"] == f"urn:facesite:problem:{code}"
    assert problem["title"] and problem["detail"] and problem["hint"]
    assert problem["request_id"] == response["X-Request-ID"]
    assert b"Traceback" not in response.content
    return problem


def stored() -> dict[str, Any]:
    """Return what the galleries hold, to compare before and after."""
    return {
        "galleries": sorted(Gallery.objects.values_list("name", flat=True)),
        "subjects": sorted(Subject.objects.values_list("user_id", "display_name", "active")),
        "references": sorted(map(str, Reference.objects.values_list("pk", flat=True))),
        "changes": GalleryChange.objects.count(),
    }
