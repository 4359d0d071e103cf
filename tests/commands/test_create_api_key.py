"""``create_api_key``: the key alone on stdout."""

from __future__ import annotations

import pytest

from recognition.models import SCOPES, ApiKey, Gallery


def test_the_key_alone_is_on_stdout_and_works(command):
    ran = command("create_api_key", "door")
    [secret] = ran.lines
    key = ApiKey.objects.get_from_key(secret)
    assert (key.name, key.scopes, key.galleries) == ("door", list(SCOPES), [])
    assert secret not in ran.stderr


def test_scopes_and_galleries_limit_the_key(command):
    Gallery.objects.create(name="door")
    secret = command(
        "create_api_key", "x", "--scope", "read", "--scope=identify", "--gallery=door"
    ).lines[0]
    key = ApiKey.objects.get_from_key(secret)
    assert (key.scopes, key.galleries) == (["identify", "read"], ["door"])
    assert not key.may_use("default")


@pytest.mark.parametrize(
    "arguments",
    [["x", "--scope", "rule"], ["x", "--gallery", "none"], [""], [" "], ["x" * 51], ["a\nb"], []],
)
def test_what_is_not_known_is_refused(command, arguments):
    ran = command("create_api_key", *arguments)
    assert ran.status != 0
    assert ran.stdout == ""
    assert not ApiKey.objects.exists()
