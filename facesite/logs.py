"""How log lines look: one line a record, for people (console) or for machines (json)."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

# Every line that is written while a request is answered carries its id.
request_id: ContextVar[str] = ContextVar("request_id", default="-")

# Lines in which databases repeat the values of a row or of a query: "Key (user_id)=(ada) exists".
VALUES = re.compile(r"^(DETAIL|CONTEXT|QUERY|LINE \d+):.*$", re.MULTILINE)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def one_line(text: str) -> str:
    """Return ``text`` with control characters written out: nobody forges a line of ours."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def without_values(text: str) -> str:
    """Return ``text`` without what databases repeat in their errors: it may name people."""
    return VALUES.sub(r"\1: (left out)", text)


def moment(record: logging.LogRecord) -> str:
    """Return when ``record`` was made, UTC in ISO 8601 to the millisecond."""
    made = datetime.fromtimestamp(record.created, UTC)
    return made.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ConsoleFormatter(logging.Formatter):
    """``time level request-id message``, and below it the traceback where there is one."""

    def __init__(self) -> None:
        super().__init__("%(moment)s %(levelname)-7s %(request_id)s %(said)s")

    def format(self, record: logging.LogRecord) -> str:
        record.moment, record.request_id = moment(record), request_id.get()
        record.said = one_line(self._said(record))
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        return without_values(super().formatException(ei))

    def _said(self, record: logging.LogRecord) -> str:
        answered: dict[str, Any] | None = getattr(record, "answered", None)
        if answered is None:
            return f"{record.name}: {without_values(record.getMessage())}"
        return "{actor} {call} {status} {code} {ms} ms".format(**answered)


class JsonFormatter(logging.Formatter):
    """One JSON object a line; a traceback stands under ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": moment(record),
            "level": record.levelname,
            "request_id": request_id.get(),
            "logger": record.name,
            "message": without_values(record.getMessage()),
            **getattr(record, "answered", {}),
        }
        if record.exc_info:
            line["traceback"] = without_values(self.formatException(record.exc_info))
        return json.dumps(line, default=str)
