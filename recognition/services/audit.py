"""The chain of events: each one is tied to the one before, so that no row changes unseen.

Requests only write rows. A sealer takes those that are new, by id, gives each the next position
and the HMAC of its values and of the link before. The key lies wrapped in the key store: whoever
can write into the database alone cannot make a chain anew. Nor is a chain gone on with whose state
or newest hash is not as it was left: it stays as it is for whoever looks into it.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from django.conf import settings
from django.db import transaction

from recognition.errors import RecognitionError
from recognition.models import AuditState, Event, Sighting
from recognition.networks.files import locked, move_into_place
from recognition.services import syslog
from recognition.services.receipts import hashing_key
from recognition.services.results import Actor

log = logging.getLogger(__name__)

ONLY_ROW = 1
PORTION = 1000  # events sealed, or cut, in one transaction
FAULTS_KEPT = 20  # in the event that begins a chain anew


def seal() -> int:
    """Seal what is not sealed yet; return how many events that were.

    Never within another transaction: what is in the file must be in the database. Raises
    ``internal_error`` where the chain is not as it was left; nothing is sealed then.
    """
    count = 0
    while Event.objects.filter(position=None).exists():
        count += _seal_some()
    return count


def _seal_some() -> int:
    key = chain_key()
    with transaction.atomic(durable=True):
        state = _trusted(locked_state(), key)
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
    return hashing_key()


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
    return AuditState.objects.select_for_update().get_or_create(pk=ONLY_ROW)[0]


def _trusted(state: AuditState, key: bytes) -> AuditState:
    """Return ``state``, or raise where it is not as this service left it."""
    for doubt in _doubts(state, _written(), key):
        hint = "`manage.py verify_audit --all` tells more; --begin-anew seals what is there."
        raise RecognitionError("internal_error", f"{doubt} {hint}", hint=hint)
    return state


def _doubts(state: AuditState, written: str, key: bytes) -> Iterator[str]:
    """Yield why ``state`` is not to be relied on, given what was ``written`` into the file."""
    path = settings.AUDIT_HEAD_FILE
    position, named = _parsed(written)
    if written and not position:
        yield f"Altered: {path} names no position."
    if position > state.head:
        told = f"{path} tells of position {position}, the last one is {state.head}."
        yield f"Missing at the end: {told}"
    elif position and _link_at(position, state) not in {None, named}:
        yield f"Altered: position {position} is not as {path} tells."
    if state.seal != _state_seal(state, key) and not _unused(state):
        yield "The state of the chain was altered: its ends cannot be relied on."


def _link_at(position: int, state: AuditState) -> str | None:
    """Return the link at a position, None where it is cut off by now."""
    if position == state.head:
        return state.head_link
    return Event.objects.filter(position=position).values_list("link", flat=True).first()


def _unused(state: AuditState) -> bool:
    """Say whether nothing was ever sealed."""
    ends = (state.head, state.head_link, state.cut, state.cut_link, state.seal)
    return ends == (0, "", 0, "", "") and not Event.objects.exclude(position=None).exists()


def _save(state: AuditState, key: bytes) -> None:
    state.seal = _state_seal(state, key)
    state.save()


def _state_seal(state: AuditState, key: bytes) -> str:
    text = f"state\0{state.head}\0{state.head_link}\0{state.cut}\0{state.cut_link}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def _write_head(state: AuditState) -> None:
    """Write the newest position and link; of several processes nobody writes an older one."""
    path = settings.AUDIT_HEAD_FILE
    with locked(path.with_name(f"{path.name}.lock")):
        if _parsed(_written())[0] < state.head:
            new = path.with_name(f"{path.name}.new")
            new.write_text(f"{state.head} {state.head_link}\n")
            move_into_place(new, path)
            syslog.tell(f"audit head {state.head} {state.head_link}")


def _written() -> str:
    """Return what the file tells of the chain, empty where there is none."""
    path = settings.AUDIT_HEAD_FILE
    return path.read_text() if path.exists() else ""


def _parsed(written: str) -> tuple[int, str]:
    """Return position and link, 0 where there is none."""
    position, _, named = written.strip().partition(" ")
    return (int(position), named) if position.isdecimal() else (0, "")


def set_head_aside() -> None:
    """Keep the file's head beside it: the chain that it tells of is another one's from now on."""
    path = settings.AUDIT_HEAD_FILE
    if path.exists():
        path.replace(path.with_name(f"{path.name}.old"))


def cut(before: datetime) -> None:
    """Delete events older than ``before``, at the old end of the chain alone."""
    seal()
    count = PORTION
    while count == PORTION:
        count = _cut_some(before)


def _cut_some(before: datetime) -> int:
    """Delete up to ``PORTION`` events; none from the first on that is not as it was sealed."""
    key = chain_key()
    with transaction.atomic(durable=True):
        state = _trusted(locked_state(), key)
        start = state.cut
        for event in Event.objects.filter(position__gt=start).order_by("position")[:PORTION]:
            if not _follows(state.cut, state.cut_link, event, key):
                log.error("audit: kept from position %d on, verify_audit tells why", state.cut + 1)
                break
            if event.time >= before:
                break
            state.cut, state.cut_link = state.cut + 1, event.link
        gone = Event.objects.filter(position__gt=start, position__lte=state.cut)
        Sighting.objects.filter(event__in=gone).delete()  # no cascade: see Sighting
        gone.delete()
        _save(state, key)
    return state.cut - start


def _follows(position: int, before: str, event: Event, key: bytes) -> bool:
    """Say whether an event stands as it was sealed right after ``position``."""
    return event.position == position + 1 and event.link == link(key, before, event)


def begin_anew(actor: Actor) -> None:
    """Seal all events as they stand in another chain, which tells what was wrong with this one."""
    wrong = list(islice(faults(), FAULTS_KEPT))
    with transaction.atomic(durable=True):
        locked_state()
        Event.objects.update(position=None, link="")
        AuditState.objects.update(head=0, head_link="", cut=0, cut_link="", seal="")
        Event.objects.create(
            actor=actor.name, act="begin_chain", outcome="ok", decision={"faults": wrong}
        )
    set_head_aside()
    seal()


def faults() -> Iterator[str]:
    """Seal what is new, if that may be, then yield what is wrong with the chain, oldest first."""
    key, written = chain_key(), _written()  # read first: the file is never ahead of the database
    doubts = list(_doubts(_state(), written, key))
    yield from doubts
    if not doubts:
        seal()
    state = _state()
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


def _state() -> AuditState:
    return AuditState.objects.filter(pk=ONLY_ROW).first() or AuditState()


def _gap(position: int, event: Event, where: str) -> str:
    if event.position is not None and event.position > position + 1:
        return f"Missing: positions {position + 1} to {event.position - 1}, before {where}."
    return f"Inserted: {where} ({event.act} by {event.actor})."


def _beyond(position: int) -> Iterator[str]:
    """Yield rows that were put past the last position."""
    newest = Event.objects.filter(position__gt=position).order_by("position")
    rows = list(newest.values_list("pk", "position")[:PORTION])
    head = _state().head
    yield from (f"Inserted: event {pk} at position {at}." for pk, at in rows if (at or 0) > head)
