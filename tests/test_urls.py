"""Who gets in where, walked from the URLconf: a new view without a rule fails here.

What each role may is said in ``tests/web/test_rules.py``, what each scope may in
``tests/api/test_scopes.py``. This is for all addresses alike, those of the admin included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import Permission
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.views import View

from facesite.urls import urlpatterns as served
from recognition.api.base import ApiView
from recognition.api.permissions import Rule
from recognition.models import ApiKey

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WALKED = (*METHODS, "HEAD")
#: What everybody may see, by route: the way in and out, descriptions, health.
OPEN = {
    "", "api/v1", "docs", "console", "favicon.ico",  # lead elsewhere
    "api/v1/", "schema/", "docs/",
    "health", "health/ready", "api/v1/health", "api/v1/health/ready",
    "metrics",  # to this machine, or with a key of its own (tests/api/test_metrics.py)
    "console/sign-in", "console/texts",
    "admin/login/",
}  # fmt: skip
#: What any member of staff may: these show nothing, or what permissions allow each of them.
ANY_STAFF = {
    "detect", "api/v1/detect",
    "admin/", "admin/password_change/", "admin/password_change/done/",
    "admin/jsi18n/",
}  # fmt: skip
#: What the admin shows beyond that, of what is there with nobody registered.
LOOKED_AT = {
    "admin/recognition/gallery/<path:object_id>/change/",  # there is `default`
    "admin/recognition/gallery/<path:object_id>/history/",
    "admin/recognition/gallery/", "admin/recognition/subject/", "admin/recognition/event/",
}  # fmt: skip
WORKED_AT = LOOKED_AT | {"admin/recognition/subject/add/"}
ADMIN = {
    "viewer": LOOKED_AT,
    "operator": WORKED_AT,
    "administrator": WORKED_AT
    | {f"admin/recognition/{each}" for each in ("gallery/add/", "apikey/", "apikey/add/")},
}
#: The ways out, which would end the walk.
SIGN_OUT = {"console/sign-out", "admin/logout/"}
WITHOUT_A_KEY = {"health", "ready", "calls", "metrics"}


def naked(request: HttpRequest, **_: Any) -> HttpResponse:
    """Answer anybody: a view whose author forgot the rule."""
    return HttpResponse("people")


class Unruled(ApiView):
    """A call whose author forgot the rule, and the key."""

    rules = None

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("people")


class OnlyPut(View):
    """A view of which other methods show nothing."""

    http_method_names: ClassVar = ["put"]

    def put(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("people")


NAKED = {"admin/people/<int:pk>/", "console/people", "api/v1/people"}
FORGOTTEN = NAKED | {"people", "console/put"}
#: A URLconf of views without rules, before those that are served.
urlpatterns = [
    *[path(route, naked) for route in sorted(NAKED)],
    path("console/put", OnlyPut.as_view()),
    path("people", Unruled.as_view(), name="people"),
    *served,
]


def leaves(patterns: list[Any], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield the route of every view with its pattern."""
    for each in patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from leaves(each.url_patterns, route)
        else:
            yield route, each


def routes() -> set[str]:
    return {route for route, _ in leaves(get_resolver().url_patterns)} - SIGN_OUT


def address(route: str) -> str:
    """Return an address that leads to ``route``."""
    some = re.sub(r"<uuid:\w+>", "00000000-0000-4000-8000-000000000000", route)
    some = re.sub(r"\(\?P<app_label>(\w+)[^)]*\)", r"\1", some)
    some = re.sub(r"\(\?P<url>\.\*\)", "nowhere", some)
    return "/" + re.sub(r"<(\w+:)?\w+>", "1", some).replace("^", "").replace("$", "")


def answers(client: Client) -> Iterator[tuple[str, HttpResponse]]:
    """Yield every route with what it answers to each method."""
    for route in routes():
        for method in WALKED:
            yield route, client.generic(method, address(route))


def let_in(client: Client) -> set[str]:
    """Return the routes at which some method gets further than a refusal."""
    return {route for route, answer in answers(client) if not refused(answer)}


def refused(answer: HttpResponse) -> bool:
    """Say whether somebody was turned away, or sent to sign in."""
    asked = answer.status_code == 302 and re.match("/(console/sign-in|admin/login/)", answer.url)
    return answer.status_code in {401, 403, 405} or bool(asked)


@pytest.fixture
def signed_in(gallery, django_user_model):
    """Return a function that signs in somebody with Django's permissions."""

    def sign_in(*permissions: Permission, staff: bool = False) -> Client:
        user = django_user_model.objects.create_user("eve", password="x", is_staff=staff)
        user.user_permissions.set(permissions)
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    return sign_in


def test_nobody_gets_in_anywhere_but_where_everybody_may(gallery):
    assert let_in(Client(raise_request_exception=False)) == OPEN


def test_somebody_who_is_not_of_the_staff_gets_no_further_whatever_they_may(signed_in):
    assert let_in(signed_in(*Permission.objects.all())) == OPEN


def test_staff_without_permissions_get_nowhere_else(signed_in):
    walk = answers(signed_in(staff=True))
    # The admin looks for what is asked for before it looks at permissions, and finds nothing here.
    nothing = {302, 404}
    shown = {r for r, answer in walk if not refused(answer) and answer.status_code not in nothing}
    assert shown - OPEN == ANY_STAFF


def test_an_api_key_opens_no_page(gallery):
    key = ApiKey.objects.create_key(name="everything")[1]
    opened = let_in(Client(headers={"X-API-Key": key}, raise_request_exception=False))
    pages = {route for route in routes() if route.startswith(("console", "admin"))}
    assert opened & pages == OPEN & pages and "users" in opened


@pytest.mark.parametrize("role", ADMIN)
def test_the_admin_shows_a_role_what_it_may_see(signed_in, role):
    client = signed_in(*Permission.objects.filter(group__name=role), staff=True)
    pages = [route for route in routes() if route.startswith("admin/")]
    shown = {route for route in pages if client.get(address(route)).status_code == 200}
    assert shown - OPEN - ANY_STAFF == ADMIN[role]


@pytest.mark.urls("tests.test_urls")
def test_a_view_without_a_rule_would_be_found_wherever_it_is(gallery):
    assert let_in(Client()) - OPEN == FORGOTTEN


def test_every_call_of_the_api_names_a_rule_for_each_of_its_methods():
    assert undeclared(served) == set()


def test_a_call_that_declares_none_would_be_found():
    assert undeclared(urlpatterns) == {"people"}


def undeclared(patterns: list[Any]) -> set[str]:
    """Return the routes of calls that let anybody in, or that have a method without a rule."""
    return {
        route
        for route, leaf in leaves(patterns)
        if issubclass(getattr(leaf.callback, "cls", object), ApiView)
        and leaf.name not in WITHOUT_A_KEY
        and not _declares(leaf.callback.cls)
    }


def _declares(view: type[ApiView]) -> bool:
    methods = {name for name in METHODS if hasattr(view, name.lower())}
    rules = view.rules or {}
    return methods == set(rules) and all(isinstance(rule, Rule) for rule in rules.values())
