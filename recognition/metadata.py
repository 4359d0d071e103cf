"""What may be kept about a person besides the name: a JSON object of bounded size and depth."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError

METADATA_LIMIT = 8 * 1024  # bytes of JSON: notes, and not files
METADATA_DEPTH = 20  # more than people write; JSON parsers give up at about 1,000


def validate_metadata(value: Any) -> None:
    """Refuse metadata that is no JSON object or larger than METADATA_LIMIT."""
    if not isinstance(value, dict):
        raise ValidationError("metadata must be a JSON object.")
    if not _is_shallow(value, METADATA_DEPTH):
        raise ValidationError(f"metadata may be nested {METADATA_DEPTH} deep at most.")
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValidationError("metadata may hold no NaN and no infinite number.") from None
    if "\\u0000" in text:  # which PostgreSQL cannot store
        raise ValidationError("metadata may not hold the character NUL.")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # which neither PostgreSQL nor an answer in UTF-8 can hold
        raise ValidationError("metadata may not hold half of a surrogate pair.") from None
    if len(text.encode()) > METADATA_LIMIT:
        raise ValidationError("metadata may hold 8 KB at most.")


def _is_shallow(value: Any, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    nested = [one for one in inner if isinstance(one, dict | list)]
    return not nested or (depth > 1 and all(_is_shallow(one, depth - 1) for one in nested))
