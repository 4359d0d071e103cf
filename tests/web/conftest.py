"""The console's cast: the browsers of a viewer, an operator and an administrator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from recognition.models import Gallery


@pytest.fixture
def sign_in(gallery: Gallery, django_user_model: Any) -> Callable[..., Client]:
    """Return a function that signs in a user of a role: ``sign_in("viewer")``."""

    def sign_in_as(role: str, **options: Any) -> Client:
        user = django_user_model.objects.create_user(role, password="x", is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client = Client(**options)
        client.force_login(user)
        return client

    return sign_in_as


@pytest.fixture
def operator(sign_in: Callable[..., Client]) -> Client:
    return sign_in("operator")


@pytest.fixture
def viewer(sign_in: Callable[..., Client]) -> Client:
    return sign_in("viewer")


@pytest.fixture
def administrator(sign_in: Callable[..., Client]) -> Client:
    return sign_in("administrator")
