"""The fields of requests that DRF has not, or reads more freely than we want."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ParseError

from recognition.api.uploads import ImageTooLarge, read_json
from recognition.models import validate_metadata
from recognition.pipeline.types import Box
from recognition.services.results import Upload

DATA_URL = re.compile(r"data:[^,]{0,100};base64,", re.ASCII | re.IGNORECASE)
NOT_A_FILE = "Send it as a file: curl -F {name}=@photo.jpg"
NOT_BASE64 = "It is neither base64 nor a data URL with base64."
LONGEST_NAME = 255  # characters of a file name that are repeated in answers

SEVERAL = {"type": "array", "minItems": 1, "maxItems": settings.MAX_IMAGES}
FILES = {**SEVERAL, "items": {"type": "string", "format": "binary"}}
JSON_IMAGE = {
    "type": "string",
    "format": "byte",
    "description": "A picture as base64, or as a data URL.",
}
JSON_IMAGES = {**SEVERAL, "items": JSON_IMAGE}
JSON_OBJECT = {"type": "object", "additionalProperties": True}


class PictureField(serializers.FileField):
    """One picture: a file in a form, base64 or a data URL under ``json_name`` in JSON.

    What the bytes are is for the pipeline to find out: an empty file is an ``invalid_image``.
    """

    def __init__(self, *, json_name: str, **options: Any) -> None:
        self.json_name = json_name
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Upload:
        return self.upload(data, self.json_name)

    def upload(self, data: Any, name: str) -> Upload:
        """Return what was sent, be it a file or a text."""
        if isinstance(data, UploadedFile):
            return Upload((data.name or "")[:LONGEST_NAME], data.read())
        if not isinstance(data, str) or not self.root.in_json:
            raise serializers.ValidationError(NOT_A_FILE.format(name=self.field_name))
        return Upload(name, from_base64(data))


@extend_schema_field(FILES)
class PicturesField(PictureField):
    """One to ``MAX_IMAGES`` pictures; in JSON a list, or a single one."""

    def to_internal_value(self, data: Any) -> list[Upload]:
        sent = data if isinstance(data, list) else [data]
        if not 1 <= len(sent) <= settings.MAX_IMAGES:
            most = settings.MAX_IMAGES
            raise serializers.ValidationError(f"Send 1 to {most} images; {len(sent)} were sent.")
        return [
            self.upload(picture, f"{self.json_name}[{index}]") for index, picture in enumerate(sent)
        ]


def from_base64(text: str) -> bytes:
    """Return the bytes of base64 or of a data URL; over ``MAX_IMAGE_BYTES`` is too large."""
    start = found.end() if (found := DATA_URL.match(text)) else 0
    try:
        # Encoders break lines, and leave out the padding.
        plain = "".join(text[start:].split()).encode("ascii").rstrip(b"=")
        if len(plain) * 3 // 4 > settings.MAX_IMAGE_BYTES:  # four characters are three bytes
            raise ImageTooLarge
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise serializers.ValidationError(NOT_BASE64) from None


class FiniteField(serializers.FloatField):
    """A real number: no NaN, no infinity, no true or false."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        try:
            number = float(super().to_internal_value(data))
        except OverflowError:  # a whole number in JSON may have 4300 digits
            number = math.inf
        if not math.isfinite(number):
            self.fail("invalid")
        return number


class StrictBooleanField(serializers.BooleanField):
    """``true`` or ``false``, in texts also ``1`` and ``0``; nothing else is guessed."""

    TEXTS = {"true": True, "false": False, "1": True, "0": False}
    default_error_messages = {"invalid": "Send true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, str):
            data = self.TEXTS.get(data.lower())
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class BoxField(serializers.CharField):
    """A rectangle: ``x,y,width,height``; in JSON also a list, or an object as answers have it."""

    SIDES = ("x", "y", "width", "height")
    default_error_messages = {
        "invalid": "Send four numbers, x,y,width,height, in pixels of the upright picture; "
        "width and height are greater than 0."
    }

    def to_internal_value(self, data: Any) -> Box:
        numbers = [self._number(part) for part in self._parts(data)]
        if len(numbers) != len(self.SIDES) or min(numbers[2:]) <= 0:
            self.fail("invalid")
        return Box(*numbers)

    def _parts(self, data: Any) -> Sequence[Any]:
        if isinstance(data, str):
            return data.split(",")
        if isinstance(data, dict) and set(data) == set(self.SIDES):
            return [data[side] for side in self.SIDES]
        if isinstance(data, list):
            return data
        self.fail("invalid")

    def _number(self, part: Any) -> float:
        try:
            number = float(part)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            self.fail("invalid")
        return number


@extend_schema_field({"type": "string"})
class MetadataField(serializers.Field):
    """A JSON object of 8 KB at most; in forms its text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(style={"base_template": "textarea.html"}, **options)

    def to_representation(self, value: Any) -> Any:
        return value

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, str):
            try:
                data = read_json(data.encode())
            except ParseError as error:
                raise serializers.ValidationError(str(error.detail)) from None
        try:
            validate_metadata(data)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages) from None
        return dict(data)
