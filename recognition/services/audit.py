"""The chain of events: each one is tied to the one before, so that no row changes unseen.

Requests only write rows, each with a stamp (``stamps``). A sealer takes those that are new, by id,
gives each the next position and the HMAC of its values and of the link before. The key lies wrapped
in the key store: whoever can write into the database alone cannot make a chain anew, nor put a row
among those that wait. Nor is a chain gone on with whose state or newest hash is not as it was
left: it stays as it is for whoever looks into it.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import QuerySet

from recognition.errors import RecognitionError
from recognition.models import AuditState, Event, Sighting
from recognition.networks.files import locked, move_into_place
from recognition.services import syslog
from recognition.services.results import Actor
from recognition.services.stamps import adopt, chain_key, in_words, stamp, stamped, told

log = logging.getLogger(__name__)

ONLY_ROW = 1
PORTION = 1000  # events sealed, or cut, in one transaction
FAULTS_KEPT = 20  # in the event that begins a chain anew
LONGEST_POSITION = 18  # digits
LEAST = -(2**63)  # below every id, also of what somebody puts in
NO_TIME = datetime.min.replace(tzinfo=UTC)
# What Django and the databases say of a row in which somebody has put what is no event's.
UNREADABLE = (ValueError, TypeError, OverflowError, DatabaseError)


def seal() -> int:
    """Seal what is not sealed yet; return how many events that were.

    Left out is what this service did not write, or what was altered since. Never within another
    transaction: what is in the file must be in the database. Raises ``internal_error`` where the
    chain is not as it was left; nothing is sealed then.
    """
    chain_key()  # read anew each time: somebody may have restored the keys
    count, last = 0, LEAST
    while _waiting(last).exists():
        sealed, last = _seal_some(last)
        count += sealed
    return count


def _waiting(after: int) -> QuerySet[Event]:
    return Event.objects.filter(position=None, pk__gt=after).order_by("pk")


def _seal_some(after: int) -> tuple[int, int]:
    """Seal up to ``PORTION`` events; return how many, and the id of the last that was seen."""
    key = chain_key()
    with transaction.atomic(durable=True):
        state = _trusted(locked_state(), key)
        seen = read(_waiting(after)[:PORTION])
        new = [event for event in seen if is_ours(event, key)]
        for event in new:
            state.head += 1
            event.position = state.head
            event.link = state.head_link = link(key, state.head_link, event)
        Event.objects.bulk_update(new, ["position", "link"], batch_size=100)
        if new:
            _save(state, key)
    if new:
        _write_head(state)
    return len(new), seen[-1].pk if seen else after


def link(key: bytes, before: str, event: Event) -> str:
    """Return the hash of an event at its position, after the link ``before``."""
    values = [event.position, event.pk, *told(event)]
    return hmac.digest(key, b"event\0" + in_words([before, values]), "sha256").hex()


def is_ours(event: Event, key: bytes) -> bool:
    """Say whether an event that waits is as this service wrote it."""
    return bool(event.link == stamp(key, event))


def read(rows: QuerySet[Event]) -> list[Event]:
    """Return rows; of those that no event can be read from, nothing but their places and links."""
    try:
        return list(rows)
    except UNREADABLE:
        return [_one(*row) for row in rows.values_list("pk", "position", "link")]


def _one(pk: int, position: int | None, link: str) -> Event:
    try:
        return Event.objects.get(pk=pk)
    except UNREADABLE:
        known: dict[str, Any] = {"pk": pk, "position": position, "link": link}
        return Event(act="unreadable", actor="?", time=NO_TIME, **known)


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
    if not _are_positions(state):
        yield "The state of the chain was altered: its ends are no positions."
        return
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


def _are_positions(state: AuditState) -> bool:
    return all(str(end).isdecimal() for end in (state.head, state.cut))


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
    return path.read_text(errors="replace") if path.exists() else ""


def _parsed(written: str) -> tuple[int, str]:
    """Return position and link, 0 where there is none."""
    position, _, named = written.strip().partition(" ")
    is_one = position.isdecimal() and len(position) <= LONGEST_POSITION
    return (int(position), named) if is_one else (0, "")


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
        for event in read(Event.objects.filter(position__gt=start).order_by("position")[:PORTION]):
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
        vouch_for_all()
        begun = Event(actor=actor.name, act="begin_chain", outcome="ok", decision={"faults": wrong})
        stamped(begun).save(force_insert=True)
    set_head_aside()
    seal()


def vouch_for_all() -> None:
    """Take all events that wait without a stamp for ones that this service wrote."""
    key, last = chain_key(), LEAST
    while page := read(_waiting(last).filter(link="")[:PORTION]):
        Event.objects.bulk_update(adopt(page, key), ["link"], batch_size=100)
        last = page[-1].pk


def faults() -> Iterator[str]:
    """Seal what is new, if that may be, then yield what is wrong with the chain, oldest first."""
    key, written = chain_key(), _written()  # read first: the file is never ahead of the database
    doubts = list(_doubts(_state(), written, key))
    yield from doubts
    if not doubts:
        seal()
    state = _state()
    if not _are_positions(state):
        return
    position, before = state.cut, state.cut_link
    for event in _sealed(state.head):
        where = f"event {event.pk} at position {event.position}"
        if event.position != position + 1:
            yield _gap(position, event, where)
        elif event.link != link(key, before, event):
            yield f"Altered: {where} ({event.act} by {event.actor})."
        position, before = event.position or 0, event.link
    if position != state.head or before != state.head_link:
        yield f"Missing at the end: positions {position + 1} to {state.head}."
    yield from _beyond(position)
    yield from _put_in(key)


def _sealed(head: int) -> Iterator[Event]:
    """Yield events up to position ``head``: what the sealer adds is left to the next check."""
    last: int | None = None
    rows = Event.objects.filter(position__lte=head).order_by("position", "pk")
    while page := read((rows.filter(position__gt=last) if last is not None else rows)[:PORTION]):
        yield from page
        if last == page[-1].position:  # it is no whole number
            return
        last = page[-1].position


def _state() -> AuditState:
    return AuditState.objects.filter(pk=ONLY_ROW).first() or AuditState()


def _gap(position: int, event: Event, where: str) -> str:
    if event.position is not None and event.position > position + 1:
        return f"Missing: positions {position + 1} to {event.position - 1}, before {where}."
    return f"Inserted: {where} ({event.act} by {event.actor})."


def _beyond(position: int) -> Iterator[str]:
    """Yield rows that were put past the last position."""
    newest = Event.objects.filter(position__gt=position).order_by("position")
    rows = list[tuple[int, Any]](newest.values_list("pk", "position")[:PORTION])
    head = _state().head
    for pk, at in rows:
        if not isinstance(at, int) or at > head:
            yield f"Inserted: event {pk} at position {at}."


def _put_in(key: bytes) -> Iterator[str]:
    """Yield events that wait to be sealed and never will be."""
    last = LEAST
    while page := read(_waiting(last)[:PORTION]):
        for event in page:
            if not is_ours(event, key):
                where = f"event {event.pk} ({event.act} by {event.actor})"
                yield f"Inserted: {where}, without a position; or altered before it had one."
        last = page[-1].pk
