"""How many requests with pictures are taken at once; what is too much is refused at once.

A request first sends its pictures, then waits for a place, then is computed in it: decoded,
detected, embedded, searched. Those that wait are served in the order in which their pictures had
arrived. As many as may wait and be computed together may be sending meanwhile, and no more, so
that memory and threads are bounded; slow ones keep nobody from a place. One process counts for
itself.

Nothing is computed for a client who has hung up. A connection that a client closes looks the same
here as one of which it closes its sending side alone: so clients must keep theirs open until they
have the answer, as curl, requests and browsers do.
"""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from recognition import metrics
from recognition.errors import ClientGone, RecognitionError

# POLLRDHUP, where there is such a thing: the other end will send nothing more. Elsewhere POLLHUP
# says so. Both see a connection's end through TLS too, and neither reads from it.
HUNG_UP = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
LIGHT_THREADS = 8  # of a server, for what brings no pictures: these cannot take them
NEWEST = 0.1  # the share of the newest request in the mean time that a place is held


def threads_for(running: int, waiting: int) -> int:
    """Return how many threads a server needs that computes so many requests and lets so many wait.

    As many more may be sending their pictures, and there is everything else.
    """
    return 2 * (running + waiting) + LIGHT_THREADS


@dataclass(frozen=True, slots=True)
class Client:
    """Who waits for an answer; ``connection`` is None where the server does not tell it."""

    connection: socket.socket | None = None

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Client:
        """Return who sent a request, by the environment that gunicorn gives it."""
        return cls(environ.get("gunicorn.socket"))

    @property
    def is_gone(self) -> bool:
        """Say whether the client will send nothing more; behind a proxy, whether the proxy will."""
        if self.connection is None:
            return False
        poll = select.poll()
        poll.register(self.connection, HUNG_UP)
        return bool(poll.poll(0))


@dataclass(slots=True, eq=False)
class Ticket:
    """One who waits to be ``called``: with ``place``, or without where the client has gone."""

    client: Client
    called: threading.Event = field(default_factory=threading.Event)
    place: bool = False


class Places:
    """``running`` requests at once have a place, ``waiting`` may wait for one, in their order."""

    def __init__(self, *, running: int, waiting: int) -> None:
        self.running, self.waiting = running, waiting
        self._lock = threading.Lock()
        self._free, self._sending = running, 0
        self._tickets: deque[Ticket] = deque()
        self._seconds = 0.0  # that a place is held, on average

    @property
    def taken(self) -> int:
        """Return how many requests are computed now."""
        return self.running - self._free

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Let a request send its pictures. Raises ``overloaded`` where too many do or wait."""
        with self._lock:
            self._refuse_if_full()
            if self._sending == self.running + self.waiting:
                raise self._refusal(f"{self._sending} requests are sending pictures already.")
            self._sending += 1
        try:
            with metrics.held(metrics.SENDING):
                yield
        finally:
            with self._lock:
                self._sending -= 1

    @contextmanager
    def place(self, client: Client) -> Iterator[None]:
        """Wait for a place and hold it. Raises ``overloaded``; ClientGone for who did not wait."""
        asked = time.monotonic()
        with metrics.held(metrics.WAITING):
            self._enter(client)
        started, token = time.monotonic(), _client.set(client)
        try:
            metrics.stage("wait", started - asked)
            check_client()
            with metrics.held(metrics.RUNNING):
                yield
        finally:
            _client.reset(token)
            self._leave(time.monotonic() - started)

    def _enter(self, client: Client) -> None:
        with self._lock:
            self._refuse_if_full()
            if self._free:
                self._free -= 1
                return
            ticket = Ticket(client)
            self._tickets.append(ticket)
        ticket.called.wait()
        if not ticket.place:
            raise ClientGone

    def _leave(self, seconds: float) -> None:
        """Hand the place to the first who still waits: nobody who comes now may be quicker."""
        with self._lock:
            self._seconds += (seconds - self._seconds) * NEWEST
            self._drop_gone()
            if self._tickets:
                ticket = self._tickets.popleft()
                ticket.place = True
                ticket.called.set()
            else:
                self._free += 1

    def _drop_gone(self) -> None:
        """Send those away who have hung up: before anybody is called, and before one is refused."""
        gone = [ticket for ticket in self._tickets if ticket.client.is_gone]
        for ticket in gone:
            self._tickets.remove(ticket)
            ticket.called.set()

    def _refuse_if_full(self) -> None:
        self._drop_gone()
        if not self._free and len(self._tickets) >= self.waiting:
            raise self._refusal(f"{self.running} requests are computed and {self.waiting} wait.")

    def _refusal(self, detail: str) -> RecognitionError:
        """Return the refusal that says when those who wait now will have been served."""
        metrics.refused()
        wait = math.ceil(len(self._tickets) * self._seconds / self.running)
        return RecognitionError("overloaded", detail, extra={"retry_after": max(1, wait)})


_client: ContextVar[Client | None] = ContextVar("client", default=None)


def check_client() -> None:
    """Raise ClientGone where the request that is computed is nobody's any more."""
    client = _client.get()
    if client is not None and client.is_gone:
        raise ClientGone
