"""Fetches one large file over http or https: resumable, bounded, and checked before it counts.

What has come so far lies in ``<name>.part``, and what it came from (the server's ``ETag``) in
``<name>.part.etag``, so that a later run goes on where this one stopped.
"""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from recognition.networks.files import locked, move_into_place, sha256_of, size_of

Progress = Callable[[int, int | None], None]  # bytes there, bytes in all (None: not said)

_BLOCK = 1 << 16  # bytes read at once
_PARTIAL, _RANGE_NOT_SATISFIABLE = 206, 416


class DownloadFailed(Exception):
    """The file could not be fetched; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds, and how often to go on after a cut.

    ``opening``: until an answer begins, in all: name resolution, every address, every redirect.
    ``silence``: between two pieces of the answer. ``resumes``: how many cuts are gone on after; an
    attempt that brought nothing is the last in any case.
    """

    opening: float = 10.0
    silence: float = 15.0
    resumes: int = 5


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch: ``sha256`` in lower-case hexadecimal, ``limit`` in bytes."""

    url: str
    sha256: str
    limit: int


def download(
    wanted: Wanted,
    destination: Path,
    *,
    progress: Progress = lambda there, total: None,
    patience: Patience = PATIENCE,
) -> Path:
    """Fetch ``wanted`` to ``destination``, unless it lies there already. Raises DownloadFailed."""
    if urlsplit(wanted.url).scheme not in ("http", "https"):
        raise DownloadFailed(f"{wanted.url} is neither http nor https.")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with locked(destination.with_name(destination.name + ".lock")):
        if destination.is_file() and sha256_of(destination) == wanted.sha256:
            return destination
        part = _Part(destination.with_name(destination.name + ".part"), wanted.limit)
        _fetch(wanted, part, progress, patience)
        if sha256_of(part.path) != wanted.sha256:
            part.remove()
            raise DownloadFailed(
                f"What {wanted.url} gave is not the file that was asked for: its SHA-256 is not "
                f"{wanted.sha256}. It was removed."
            )
        move_into_place(part.path, destination)
        part.remove()
    return destination


class _Part:
    """The piece that is there so far."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._etag = path.with_name(path.name + ".etag")
        self._limit = limit

    @property
    def size(self) -> int:
        return max(size_of(self.path), 0)

    def headers(self) -> dict[str, str]:
        """Return the request headers that ask for the rest, if it is still the same file."""
        if not self.size:
            return {}
        etag = self._etag.read_text("ascii") if self._etag.is_file() else ""
        return {"Range": f"bytes={self.size}-"} | ({"If-Range": etag} if etag else {})

    def restart(self, etag: str) -> None:
        """Forget what is there. Weak tags do not say that bytes are the same, so none is kept."""
        self.remove()
        self.path.touch()
        if etag.isascii() and etag.startswith('"'):
            self._etag.write_text(etag, "ascii")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._etag.unlink(missing_ok=True)

    def refuse_more_than_limit(self, size: int) -> None:
        if size > self._limit:
            self.remove()
            raise DownloadFailed(f"The file has more than the {self._limit} bytes allowed.")


def _fetch(wanted: Wanted, part: _Part, progress: Progress, patience: Patience) -> None:
    """Bring ``part`` to its end, going on after cuts as long as each attempt brought something."""
    if part.size and sha256_of(part.path) == wanted.sha256:
        return
    reason = ""
    for _ in range(patience.resumes + 1):
        before = part.size
        try:
            if _attempt(wanted, part, progress, patience):
                return
            reason = "the connection was cut"
        except (OSError, http.client.HTTPException) as failure:
            reason = _told(failure)
        if part.size <= before:
            break
    raise DownloadFailed(f"{wanted.url} could not be fetched: {reason}.")


def _attempt(wanted: Wanted, part: _Part, progress: Progress, patience: Patience) -> bool:
    """Ask once for what is missing; return whether the file is whole now, as far as is known."""
    try:
        response = _open(wanted.url, part.headers(), patience)
    except urllib.error.HTTPError as refused:
        if refused.code != _RANGE_NOT_SATISFIABLE or not part.size:
            raise
        part.remove()  # it is as long as the file or longer, and not the file
        response = _open(wanted.url, part.headers(), patience)
    with response:
        total = _begin(response, part)
        _copy(response, part, total, progress)
    return total is None or part.size == total


def _begin(response: HTTPResponse, part: _Part) -> int | None:
    """Decide between going on and starting over; return how many bytes the whole file has."""
    if response.status == _PARTIAL:
        span, _, whole = response.headers.get("Content-Range", "").partition("/")
        if span != f"bytes {part.size}-{span.rpartition('-')[2]}" or not whole.isdecimal():
            part.remove()
            raise http.client.HTTPException("it answered with another part than was asked for")
        return int(whole)
    part.restart(response.headers.get("ETag", ""))
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _copy(response: HTTPResponse, part: _Part, total: int | None, progress: Progress) -> None:
    there = part.size
    part.refuse_more_than_limit(total or 0)
    with part.path.open("ab") as file:
        progress(there, total)
        while block := response.read1(_BLOCK):
            there += len(block)
            part.refuse_more_than_limit(there)
            file.write(block)
            progress(there, total)


def _open(url: str, headers: dict[str, str], patience: Patience) -> HTTPResponse:
    """Open ``url`` in a thread of its own, since a name server that hangs cannot be timed out.

    Raises TimeoutError when no answer began within ``patience.opening`` seconds in all.
    """
    opening = _Opening(url, headers, patience)
    opening.start()
    opening.join(patience.opening)
    return opening.result()


class _Opening(threading.Thread):
    def __init__(self, url: str, headers: dict[str, str], patience: Patience) -> None:
        super().__init__(daemon=True)
        headers = {"User-Agent": "facesite", "Accept-Encoding": "identity"} | headers
        self._request = urllib.request.Request(url, headers=headers)  # noqa: S310  # checked by callers
        self._patience = patience
        self._lock = threading.Lock()
        self._answer: HTTPResponse | OSError | http.client.HTTPException | None = None
        self._abandoned = False

    def run(self) -> None:
        answer: HTTPResponse | OSError | http.client.HTTPException
        try:
            answer = _opener().open(self._request, timeout=self._patience.silence)
        except (OSError, http.client.HTTPException) as failure:
            answer = failure
        with self._lock:
            self._answer = answer
            if self._abandoned and isinstance(answer, HTTPResponse):
                answer.close()

    def result(self) -> HTTPResponse:
        with self._lock:
            self._abandoned = self._answer is None
            answer = self._answer
        if answer is None:
            raise TimeoutError(f"no answer within {self._patience.opening:g} s")
        if isinstance(answer, HTTPResponse):
            return answer
        raise answer


def _opener() -> urllib.request.OpenerDirector:
    """Make an opener for http and https alone: no redirect leads to a file or to ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _told(failure: Exception) -> str:
    if isinstance(failure, urllib.error.HTTPError):
        return f"the server answered {failure.code} {failure.reason}"
    if isinstance(failure, urllib.error.URLError):
        return str(failure.reason)
    return str(failure) or type(failure).__name__
