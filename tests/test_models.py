"""What the models refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from recognition import models
from recognition.models import METADATA_DEPTH, WRITE_LOCK, GalleryChange, validate_metadata
from tests.doctor.conftest import connected


def nested(depth: int) -> dict[str, Any]:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        [],
        "text",
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": "\0"},
        {"a": "x" * 8192},
        nested(METADATA_DEPTH + 1),
        nested(5000),
    ],
    ids=["list", "text", "nan", "infinite", "nul", "large", "deep", "very-deep"],
)
def test_odd_metadata_is_refused(value):
    with pytest.raises(ValidationError):
        validate_metadata(value)


@pytest.mark.parametrize("value", [{}, {"a": [1, {"b": None}]}, nested(METADATA_DEPTH)])
def test_plain_metadata_passes(value):
    assert validate_metadata(value) is None


def test_metadata_has_8_kilobytes_of_json_at_most():
    least = len('{"a": ""}')
    assert validate_metadata({"a": "x" * (8192 - least)}) is None
    with pytest.raises(ValidationError, match="8 KB at most"):
        validate_metadata({"a": "x" * (8193 - least)})


def test_writers_on_postgresql_take_turns(db, postgres, monkeypatch):
    """So that ids of changes appear in their order (SQLite's transactions do it by themselves)."""
    writer, other = connected(postgres.url), connected(postgres.url)
    monkeypatch.setattr(models, "connection", writer)
    writer.set_autocommit(False)
    GalleryChange.lock()
    with other.cursor() as cursor:
        found = []
        for end in (lambda: None, writer.commit):
            end()
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [WRITE_LOCK])
            found += cursor.fetchone()
    writer.close()
    other.close()
    assert found == [False, True]
