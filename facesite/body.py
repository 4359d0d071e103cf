"""The edge of the application: how much of a request's body is read, and as what text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from gunicorn.http.errors import ParseException

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]*)\"?", re.IGNORECASE)
CHARSETS = {"utf-8", "ascii", "iso8859-1", "cp1252"}  # by their names in Python


class BoundedBody:
    """Let ``application`` read chunked bodies, and none past ``MAX_REQUEST_BYTES``.

    Django reads nothing of a body without ``Content-Length``. A server that ends the input where
    the body ends says so by ``wsgi.input_terminated``; the largest length that is allowed is then
    announced in its stead, and what really comes is counted. How long a body may take is watched
    by the server (``facesite/gunicorn.py``).
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        limit = settings.MAX_REQUEST_BYTES
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if chunked and environ.get("wsgi.input_terminated"):
            environ["CONTENT_LENGTH"], announced = str(limit), None
        else:
            announced = length_in(environ)
        environ["wsgi.input"] = BoundedInput(environ["wsgi.input"], announced, limit)
        environ["CONTENT_TYPE"] = with_plain_charset(environ.get("CONTENT_TYPE", ""))
        return self.application(environ, start_response)


def with_plain_charset(content_type: str) -> str:
    """Return ``content_type`` without a charset that no browser sends: UTF-8 then holds.

    Python takes any codec for one, also those that are not for text (``charset=base64``), with
    which Django cannot even read the query.
    """
    found = CHARSET.search(content_type)
    if found is None:
        return content_type
    try:
        known = codecs.lookup(found[1]).name in CHARSETS
    except (LookupError, ValueError):  # ValueError: NUL in the name
        known = False
    return content_type if known else CHARSET.sub("", content_type)


def length_in(environ: Environ) -> int:
    """Return the announced length of the body, 0 where there is none."""
    text = environ.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


class BoundedInput:
    """``wsgi.input`` that counts, and gives up on bodies that are too large or cut short.

    ``announced``: bytes that must come, None when only their end will tell.
    """

    def __init__(self, source: Any, announced: int | None, limit: int) -> None:
        self._source = source
        self._announced, self._limit = announced, limit
        self._count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._counted(self._source.read, size)
        if len(data) < size:  # servers return less only where nothing follows
            self._check_complete()
        return data

    def readline(self, size: int = -1) -> bytes:
        line = self._counted(self._source.readline, size)
        if not line and size:
            self._check_complete()
        return line

    def _counted(self, read: Callable[[int], bytes], size: int) -> bytes:
        if (self._announced or 0) > self._limit:
            raise RequestDataTooBig
        try:
            data = read(size)
            self._count += len(data)
            too_large = self._is_past_the_limit()
        except (OSError, ParseException) as error:  # the latter: chunks that are none
            raise self._cut_short() from error
        if too_large:
            raise RequestDataTooBig
        return data

    def _check_complete(self) -> None:
        if self._count < (self._announced or 0):
            raise self._cut_short()

    def _is_past_the_limit(self) -> bool:
        """Say whether more comes than may; Django itself never asks for a byte past the limit."""
        if self._count < self._limit or self._announced is not None:
            return self._count > self._limit
        return bool(self._source.read(1))

    def _cut_short(self) -> UnreadablePostError:
        return UnreadablePostError(
            f"The body ended, or stopped coming, after {self._count:,} bytes."
        )
