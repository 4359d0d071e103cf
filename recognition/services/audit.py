"""The chain of events: each one is tied to the one before, so that no row changes unseen.

Requests only write rows. A sealer takes those that are new, by id, gives each the next position
and the HMAC of its values and of the link before. The key lies wrapped in the key store: whoever
can write into the database alone cannot make a chain anew.
"""

from __future__ import annotations

import hmac
import json
import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from recognition import vault
from recognition.models import AuditState, Event, Sighting
from recognition.services.receipts import HASHING

log = logging.getLogger(__name__)

ONLY_ROW = 1
SECURITY_NOTICE = 10 * 8 + 5  # authpriv, notice. Source: RFC 5424, section 6.2.1
PORTION = 1000  # events sealed in one transaction


def seal() -> int:
    """Seal what is not sealed yet; return how many events that were."""
    count = 0
    while Event.objects.filter(position=None).exists():
        count += _seal_some()
    return count


def _seal_some() -> int:
    key = chain_key()
    with transaction.atomic():
        state = locked_state()
        new = list(Event.objects.filter(position=None).order_by("id")[:PORTION])
        for event in new:
            state.head += 1
            event.position = state.head
            event.link = state.head_link = link(key, state.head_link, event)
        Event.objects.bulk_update(new, ["position", "link"], batch_size=100)
        _save(state, key)
    _write_head(state)
    return len(new)


def chain_key() -> bytes:
    """Return the key of the chain."""
    return vault.made_keys([HASHING])[HASHING]


def link(key: bytes, before: str, event: Event) -> str:
    """Return the hash of an event at its position, after the link ``before``."""
    values = [
        event.position,
        event.pk,
        event.time.astimezone(UTC).isoformat(timespec="milliseconds"),  # all that a backup keeps
        event.actor,
        event.act,
        event.gallery,
        event.subject_number,
        event.outcome,
        event.request_id,
        event.decision,
    ]
    text = json.dumps([before, values], sort_keys=True)
    return hmac.digest(key, b"event\0" + text.encode(), "sha256").hex()


def locked_state() -> AuditState:
    """Return the row of the chain's state, which nobody else has until the transaction ends."""
    AuditState.objects.get_or_create(pk=ONLY_ROW)
    return AuditState.objects.select_for_update().get(pk=ONLY_ROW)


def _save(state: AuditState, key: bytes) -> None:
    state.seal = _state_seal(state, key)
    state.save()


def _state_seal(state: AuditState, key: bytes) -> str:
    text = f"state\0{state.head}\0{state.head_link}\0{state.cut}\0{state.cut_link}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def _write_head(state: AuditState) -> None:
    path = settings.AUDIT_HEAD_FILE
    new = path.with_name(f"{path.name}.new")
    new.write_text(f"{state.head} {state.head_link}\n")
    new.replace(path)
    if settings.AUDIT_SYSLOG:
        _tell_syslog(settings.AUDIT_SYSLOG, f"audit head {state.head} {state.head_link}")


def _tell_syslog(address: str, text: str) -> None:
    """Send one line to a syslog: that of this machine by its socket, or ``host:port`` by UDP."""
    line = f"<{SECURITY_NOTICE}>facesite: {text}".encode()
    host, _, port = address.rpartition(":")
    target: Any = address
    try:
        if address.startswith("/"):
            family = socket.AF_UNIX
        else:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM)[0]
            family, target = found[0], found[4]
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.sendto(line, target)
    except OSError as error:  # the file has it, and the next head tells of this one, too
        log.error("audit: %s was not told the head: %s", address, error)


def cut(before: datetime) -> None:
    """Delete events older than ``before``, at the old end of the chain alone."""
    seal()
    with transaction.atomic():
        state = locked_state()
        kept = Event.objects.filter(time__gte=before, position__isnull=False)
        first = kept.aggregate(first=Min("position"))["first"] or state.head + 1
        if first <= state.cut + 1:
            return
        last = Event.objects.filter(position=first - 1).first()
        if last is None:  # a gap, which verify_audit is to tell of
            return
        state.cut, state.cut_link = first - 1, last.link
        Sighting.objects.filter(event__position__lt=first).delete()  # no cascade: see Sighting
        Event.objects.filter(position__lt=first).delete()
        _save(state, chain_key())


def faults() -> Iterator[str]:
    """Seal what is new, then yield what is wrong with the chain, oldest first."""
    seal()
    state = AuditState.objects.filter(pk=ONLY_ROW).first() or AuditState()
    key = chain_key()
    if state.seal != _state_seal(state, key) and state.head:
        yield "The state of the chain was altered: its ends cannot be relied on."
    position, before = state.cut, state.cut_link
    # What the sealer adds meanwhile is left to the next check.
    sealed = Event.objects.filter(position__lte=state.head).order_by("position")
    for event in sealed.iterator(PORTION):
        where = f"event {event.pk} at position {event.position}"
        if event.position != position + 1:
            yield _gap(position, event, where)
        elif event.link != link(key, before, event):
            yield f"Altered: {where} ({event.act} by {event.actor})."
        position, before = event.position or 0, event.link
    if position != state.head or before != state.head_link:
        yield f"Missing at the end: positions {position + 1} to {state.head}."
    yield from _beyond(position)


def _gap(position: int, event: Event, where: str) -> str:
    if event.position is not None and event.position > position + 1:
        return f"Missing: positions {position + 1} to {event.position - 1}, before {where}."
    return f"Inserted: {where} ({event.act} by {event.actor})."


def _beyond(position: int) -> Iterator[str]:
    """Look past the last position: for rows put there, and at the head written to a file."""
    newest = Event.objects.filter(position__gt=position).order_by("position")
    rows = list(newest.values_list("pk", "position")[:PORTION])
    head = AuditState.objects.filter(pk=ONLY_ROW).values_list("head", flat=True).first() or 0
    yield from (f"Inserted: event {pk} at position {at}." for pk, at in rows if (at or 0) > head)
    path = settings.AUDIT_HEAD_FILE
    if not path.exists():
        return
    written, _, named = path.read_text().strip().partition(" ")
    found = Event.objects.filter(position=int(written)).values_list("link", flat=True).first()
    if int(written) > head:
        yield f"Missing at the end: {path} tells of position {written}, the last one is {position}."
    elif found is not None and found != named:
        yield f"Altered: position {written} is not as {path} tells."
