"""A small application for the tests of how requests reach one: says what it got, after a while."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from recognition.admission import Client

gone: list[bool] = []  # whether the client of the last request had hung up


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Read the body, sleep as long as the query says (``/?0.5``), and answer in JSON.

    Under ``/unread`` the body is left unread.
    """
    try:
        unread = environ["PATH_INFO"] == "/unread"
        read = 0 if unread else sum(len(line) for line in environ["wsgi.input"])
    except OSError:
        read = -1
    time.sleep(float(environ["QUERY_STRING"] or 0))
    got = {"read": read, "from": environ["REMOTE_ADDR"], "scheme": environ["wsgi.url_scheme"]}
    got |= {"gone": Client.of(environ).is_gone, "gone_before": gone.copy()}
    gone[:] = [got["gone"]]
    body = json.dumps(got).encode()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]
