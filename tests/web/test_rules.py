"""Who may ask what of every address under /console/: a new view without a rule fails here."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.urls import resolve, reverse

from recognition.models import ApiKey, Gallery, Subject
from recognition.web import urls
from recognition.web.base import ConsolePage

ROLES = ("viewer", "operator", "administrator")
METHODS = ("GET", "POST", "DELETE")
SIGN_IN = "/console/sign-in"
ALL, STAFF, ADMINISTRATORS = ROLES, ROLES[1:], ROLES[2:]
#: Who gets further than a 403, by name and method; a method that is not named is a 405.
RULES: dict[str, dict[str, tuple[str, ...]]] = {
    "home": {"GET": ALL},
    "register": {"GET": STAFF, "POST": STAFF},
    "verify": {"GET": STAFF, "POST": STAFF},
    "identify": {"GET": STAFF, "POST": STAFF},
    "live": {"GET": STAFF},
    "users": {"GET": ALL},
    "unregister": {"GET": STAFF, "POST": STAFF},
    "user": {"GET": ALL, "POST": STAFF},
    "consent": {"GET": ALL, "POST": STAFF},
    "export": {"GET": STAFF},
    "thumbnail": {"GET": ALL},
    "reference": {"GET": STAFF, "POST": STAFF},
    "crop": {"GET": ALL},
    "activity": {"GET": ALL},
    "decision": {"GET": ALL},
    "review": {"GET": STAFF, "POST": STAFF},
    "activity_csv": {"GET": ALL},
    "attendance": {"GET": ALL},
    "attendance_csv": {"GET": ALL},
    "galleries": {"GET": ALL, "POST": ADMINISTRATORS},
    "gallery": {"GET": ALL, "POST": ADMINISTRATORS},
    "rename": {"GET": ALL, "POST": ADMINISTRATORS},
    "empty": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "delete": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "imports": {"GET": ALL, "POST": STAFF},
    "import": {"GET": ALL},
    "import_progress": {"GET": ALL},
    "import_awaited": {"GET": ALL},
    "import_files": {"POST": STAFF},
    "import_slices": {"POST": STAFF},
    "import_complete": {"GET": ALL, "POST": STAFF},
    "import_cancel": {"GET": ALL, "POST": STAFF},
    "import_discard": {"GET": ALL, "POST": STAFF},
    "import_report": {"GET": ALL},
    "evaluations": {"GET": ALL},
    "evaluation": {"GET": ALL},
    "plot": {"GET": ALL},
    "keys": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "key": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
    "revoke": {"GET": ADMINISTRATORS, "POST": ADMINISTRATORS},
}
#: What everybody may see: the way in and out, and the words of the pages.
OPEN = {"sign_in", "sign_out", "texts"}
NAMES = [pattern.name for pattern in urls.urlpatterns]


@pytest.fixture
def addresses(gallery) -> dict[str, str]:
    """Return an address of each name that leads to something which is there."""
    Subject.objects.create(gallery=gallery, user_id="ada")
    key = ApiKey.objects.create_key(name="door")[0]
    known = {
        "gallery": "default",
        "user_id": "ada",
        "name": "default",
        "prefix": key.prefix,
        "decision_id": "1",
        "evaluation": "2026-11-26T000000-none",
        "plot": "det",
    }
    known |= dict.fromkeys(("reference_id", "import_id"), "00000000-0000-4000-8000-000000000000")
    return {
        pattern.name: reverse(
            f"console:{pattern.name}",
            kwargs={name: known[name] for name in pattern.pattern.converters},
        )
        for pattern in urls.urlpatterns
    }


def test_every_address_has_a_rule():
    assert set(NAMES) == set(RULES) | OPEN
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("method", METHODS)
def test_nobody_is_led_to_sign_in(client, addresses, method):
    for name in RULES:
        answer = client.generic(method, addresses[name])
        assert (answer.status_code, answer.url.split("?")[0]) == (302, SIGN_IN), name


def test_somebody_who_is_not_of_the_staff_is_refused(client, django_user_model, addresses):
    client.force_login(django_user_model.objects.create_user("guest", password="x"))
    for name, methods in RULES.items():
        for method in methods:
            assert client.generic(method, addresses[name]).status_code == 403, (name, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_as_far_as_its_rule_says(sign_in, addresses, role, method):
    client = sign_in(role)
    for name, rules in RULES.items():
        status = client.generic(method, addresses[name]).status_code
        if method not in rules:
            assert status == 405, name
        elif role in rules[method]:
            assert status in {200, 302, 400, 404, 415, 422}, (name, status)
        else:
            assert status == 403, (name, status)
    assert Gallery.objects.exists() and Subject.objects.filter(user_id="ada").exists()


def test_each_page_names_a_permission_for_each_of_its_methods(addresses):
    for name in RULES:
        view = resolve(addresses[name]).func.view_class
        assert issubclass(view, ConsolePage)
        methods = set(view()._allowed_methods()) - {"HEAD", "OPTIONS"}
        assert methods == set(RULES[name]), name
        assert all(view.permissions.get(method) for method in methods), name


@pytest.mark.parametrize(("page", "permission"), [("keys", "apikey"), ("galleries", "gallery")])
def test_a_form_that_is_refused_shows_no_list_to_whom_it_is_not_for(
    client, django_user_model, addresses, page, permission
):
    user = django_user_model.objects.create_user("adder", password="x", is_staff=True)
    may_add = Permission.objects.filter(codename=f"add_{permission}")
    user.user_permissions.set(may_add)  # there is one of the package's keys, too
    client.force_login(user)
    assert client.post(addresses[page], {"name": ""}).status_code == 403


def test_the_rights_of_an_administrator_without_staff_open_nothing(
    administrator, addresses, django_user_model
):
    assert administrator.get(addresses["home"]).status_code == 200
    django_user_model.objects.update(is_staff=False)
    assert administrator.get(addresses["home"]).status_code == 403
    assert administrator.get(addresses["keys"]).status_code == 403
