"""Wrong settings are told at ``manage.py check``."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from environ import Env

from recognition import checks


def ids() -> set[str]:
    return {message.id for message in run_checks() if str(message.id).startswith("facesite")}


def test_the_defaults_pass():
    assert ids() == set()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("API_KEY", "short", "facesite.E001"),
        ("API_KEY", "your-api-key-0123456789abcdef", "facesite.E001"),
        ("API_KEY", "a" * 40, "facesite.E001"),
        ("METRICS_KEY", "short", "facesite.E050"),
        ("FACE_MODEL", "arcface", "facesite.E002"),
        ("RATE_REGISTER", "often", "facesite.E003"),
        ("RATE_SESSION", "5/fortnight", "facesite.E003"),
        ("FACE_DETECTION_CONFIDENCE", 1.5, "facesite.E004"),
        ("FACE_MATCHING_THRESHOLD", float("nan"), "facesite.E004"),
        ("FACE_MIN_SIZE", 5, "facesite.E004"),
        ("SIGN_IN_FAILURES", 0, "facesite.E004"),
        ("SIGN_IN_WAIT", 0, "facesite.E004"),
        ("MAX_RUNNING", 0, "facesite.E004"),
        ("MAX_WAITING", -1, "facesite.E004"),
        ("TRUSTED_PROXIES", ["10.0.0.0/33"], "facesite.E005"),
        ("REDIS_URL", "http://redis", "facesite.E006"),
        ("REDIS_PORT", 0, "facesite.E004"),
        ("GALLERY_ENGINE", "faiss", "facesite.E021"),
        ("AUDIT_SYSLOG", "loghost", "facesite.E071"),
        ("AUDIT_SYSLOG", "loghost:70000", "facesite.E071"),
        ("KEYS_DATABASE", django_settings.DATABASES["default"], "facesite.E080"),
        ("RETENTION_UNMATCHED_DAYS", -1, "facesite.E004"),
        ("RETENTION_UNMATCHED_DAYS", 91, "facesite.E055"),
        ("WEB_CONCURRENCY", 2, "facesite.W001"),
    ],
)
def test_a_wrong_setting_is_named(settings, name, value, expected):
    setattr(settings, name, value)
    assert expected in ids()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MILVUS_URI", "", "facesite.E022"),
        ("MILVUS_URI", "gallery.db", "facesite.E022"),
        ("MILVUS_PREFIX", "face-site", "facesite.E024"),
        ("MILVUS_INDEX_PARAMS", [1], "facesite.E024"),
        ("MILVUS_SEARCH_PARAMS", 1, "facesite.E024"),
        ("MILVUS_TURN_KEY", "short", "facesite.E024"),
        ("MILVUS_TIMEOUT", 0, "facesite.E004"),
    ],
)
def test_a_wrong_setting_of_milvus_is_named(settings, on_milvus, name, value, expected):
    assert ids() == set()
    setattr(settings, name, value)
    assert ids() == {expected}


@pytest.mark.parametrize(
    ("keys", "faces"),
    [
        ("postgres://a@db/facesite", "postgres://b@db:5432/facesite"),
        ("postgres://a@localhost/facesite", "postgres://a@127.0.0.1/facesite"),
        ("sqlite:////data/keys/../faces.sqlite3", "sqlite:////data/faces.sqlite3"),
    ],
)
def test_a_key_store_that_is_the_database_by_another_address_is_named(monkeypatch, keys, faces):
    given = SimpleNamespace(KEYS_DATABASE=Env.db_url_config(keys))
    given.DATABASES = {"default": Env.db_url_config(faces)}
    monkeypatch.setattr(checks, "settings", given)
    assert [error.id for error in checks.check_key_store()] == ["facesite.E080"]
    given.KEYS_DATABASE = Env.db_url_config("postgres://a@keys.example.org/facesite")
    assert checks.check_key_store() == []


def test_a_missing_pymilvus_is_told_with_the_command(on_milvus, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (error,) = [e for e in run_checks() if e.id == "facesite.E023"]
    assert error.hint.endswith("-m pip install --constraint constraints.txt pymilvus")


def test_a_strong_key_passes(settings):
    settings.API_KEY = "q7VnJtW3xLr9KfYb2HsDzP5mCgE8aUw4"
    assert ids() == set()
