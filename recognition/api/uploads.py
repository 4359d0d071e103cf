"""How bodies are read: into memory alone, and never more of them than is allowed."""

from __future__ import annotations

import json
import math
from io import BytesIO
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# No request needs as many values, metadata of 8 KB included; megabytes of them are slow to parse.
MOST_COMMAS = 20_000


class ImageTooLarge(RequestDataTooBig):
    """One picture is over ``MAX_IMAGE_BYTES``; answered as ``image_too_large``."""

    def __init__(self) -> None:
        super().__init__(f"An image may have {settings.MAX_IMAGE_BYTES:,} bytes at most.")


class MemoryUpload(FileUploadHandler):
    """Keep each uploaded file in memory, and stop reading where it gets too large.

    Django's own handlers write files over 2.5 MB to a temporary folder, in the clear.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > settings.MAX_IMAGE_BYTES:
            raise ImageTooLarge
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self.file.seek(0)
        return InMemoryUploadedFile(
            self.file,
            self.field_name,
            self.file_name,
            self.content_type,
            file_size,
            self.charset,
            self.content_type_extra,
        )


class BoundedJSONParser(JSONParser):
    """Parse JSON as RFC 8259 has it; ``facesite/body.py`` bounds how much of it there is."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return read_json(stream.read())


def read_json(text: bytes) -> Any:
    """Return what ``text`` says, or raise ParseError.

    Refused as well is what Python reads but neither JSON nor a database can hold: NaN, infinite
    numbers, half surrogates, NUL, the same name twice in one object.
    """
    if text.count(b",") > MOST_COMMAS:
        raise ParseError("The JSON holds too many values.")
    try:
        value = json.loads(
            text.decode("utf-8-sig"),
            parse_constant=_no_number,
            parse_float=_finite,
            object_pairs_hook=_object,
        )
        if b"\\u" in text:  # nothing else lets such characters in
            _check_texts(value)
    except RecursionError:
        raise ParseError("The JSON is nested too deeply.") from None
    except ValueError as error:  # a UnicodeDecodeError, too
        raise ParseError(f"This is not JSON: {error}.") from None
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("one object has the same name twice")
    return found


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a text holds the character NUL")
        value.encode()  # raises UnicodeEncodeError on half a surrogate pair
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_texts(name)
            _check_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner)
