"""The stamp on each event that this service writes, by which the sealer tells them from others.

It stands where the link will be, until the event is sealed. Whoever can write into the database
alone cannot make one: what they put among the events that wait, or alter there, is noticed.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from django.db import Error as DatabaseError

from recognition import vault
from recognition.errors import RecognitionError
from recognition.models import Event
from recognition.services.receipts import hashing_key
from recognition.vault.store import KeyStore

log = logging.getLogger(__name__)
#: Read once for each store: events are written, too, while it does not answer.
_known: dict[KeyStore, bytes] = {}


def chain_key() -> bytes:
    """Return the key of chain and stamps as it is now."""
    _known[vault.keys()] = key = hashing_key()
    return key


def stamped(event: Event) -> Event:
    """Return a new event with its stamp, to be stored.

    Without one where the key is lost or its store away: better an event that the chain leaves
    out than none.
    """
    event.decision = _plain(event.decision)
    try:
        event.link = stamp(_known.get(vault.keys()) or chain_key(), event)
    except (RecognitionError, DatabaseError, OSError, ValueError) as error:
        log.error("audit: an event is written that cannot be sealed: %s", error)
    return event


def stamp(key: bytes, event: Any) -> str:
    """Return what an event bears until it is sealed."""
    return hmac.digest(key, b"stamp\0" + in_words(told(event)), "sha256").hex()


def adopt(events: Iterable[Any], key: bytes) -> list[Any]:
    """Stamp events that are stored already, for whose truth somebody else stands."""
    adopted = list(events)
    for event in adopted:
        event.link = stamp(key, event)
    return adopted


def told(event: Any) -> list[Any]:
    """Return what an event says; of its time the milliseconds, which is all that a backup keeps."""
    time = event.time and event.time.astimezone(UTC).isoformat(timespec="milliseconds")
    return [
        time,
        event.actor,
        event.act,
        event.gallery,
        event.subject_number,
        event.outcome,
        event.request_id,
        event.decision,
    ]


def in_words(values: list[Any]) -> bytes:
    """Return values as bytes to be hashed; ``repr`` for what only an intruder can have stored."""
    return json.dumps(values, sort_keys=True, default=repr).encode()


def _plain(decision: Any) -> Any:
    """Return a decision as every database gives it back: PostgreSQL knows no -0.0."""
    return json.loads(json.dumps(decision), parse_float=lambda text: float(text) + 0.0)
