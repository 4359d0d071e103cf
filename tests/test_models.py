"""What the models refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from recognition.models import METADATA_DEPTH, validate_metadata


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
