"""Places for requests with pictures: how many, in which order, and not for who has gone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from recognition import metrics
from recognition.admission import Client, Places, check_client
from recognition.errors import ClientGone, RecognitionError

HERE = Client()  # a server that tells of no connection
SECONDS = 5


class Visitor(threading.Thread):
    """Takes a place until told to leave; ``error`` is what kept it from one."""

    def __init__(self, places: Places, arrived: list[Visitor]) -> None:
        super().__init__(daemon=True)
        self.places, self.arrived = places, arrived
        server, self.end = socket.socketpair()
        self.client = Client(server)
        self.may_leave = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with self.places.place(self.client):
                self.arrived.append(self)
                self.may_leave.wait(SECONDS)
        except (ClientGone, RecognitionError) as error:
            self.error = error

    @property
    def waits(self) -> bool:
        return any(ticket.client is self.client for ticket in tuple(self.places._tickets))

    def leave(self) -> None:
        self.may_leave.set()
        self.join(SECONDS)


@pytest.fixture
def arrived() -> list[Visitor]:
    return []


@pytest.fixture
def come(arrived: list[Visitor]) -> Iterator[Callable[[Places], Visitor]]:
    """Return a function that lets somebody come: when it returns they have a place, or wait."""
    came: list[Visitor] = []

    def come_to(places: Places) -> Visitor:
        visitor = Visitor(places, arrived)
        visitor.start()
        came.append(visitor)
        until(lambda: visitor in arrived or visitor.waits or visitor.error)
        return visitor

    yield come_to
    for visitor in came:
        visitor.may_leave.set()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_no_more_than_may_run_at_once(come, arrived):
    places = Places(running=2, waiting=3)
    first, second, third = (come(places) for _ in range(3))
    assert arrived == [first, second]
    first.leave()
    until(lambda: third in arrived)


def test_who_comes_first_is_served_first(come, arrived):
    places = Places(running=1, waiting=4)
    visitors = [come(places) for _ in range(5)]
    for visitor in visitors:
        visitor.leave()
    assert arrived == visitors


def test_who_finds_all_waiting_places_taken_is_refused(come, arrived):
    places = Places(running=1, waiting=1)
    visitors = [come(places) for _ in range(3)]
    assert visitors[2].error.code == "overloaded"
    assert visitors[2].error.extra["retry_after"] >= 1
    assert arrived == [visitors[0]]


def test_nobody_need_wait_where_a_place_is_free(come, arrived):
    places = Places(running=1, waiting=0)
    for _ in range(3):
        come(places).leave()
    assert len(arrived) == 3


def test_the_refusal_says_how_long_those_who_wait_will_take(come):
    places = Places(running=1, waiting=2)
    places._seconds = 4.0
    assert [come(places) for _ in range(4)][3].error.extra["retry_after"] == 8


def test_who_hangs_up_while_waiting_is_passed_over(come, arrived):
    places = Places(running=1, waiting=2)
    first, gone, last = (come(places) for _ in range(3))
    gone.end.close()
    first.leave()
    until(lambda: last in arrived and gone.error)
    assert isinstance(gone.error, ClientGone) and gone not in arrived


def test_who_hangs_up_while_waiting_makes_room_at_once(come):
    places = Places(running=1, waiting=1)
    _, gone = come(places), come(places)
    gone.end.close()
    assert come(places).error is None
    gone.join(SECONDS)
    assert isinstance(gone.error, ClientGone)


def test_who_hung_up_before_gets_nothing_and_keeps_no_place(come, arrived):
    places, visitor = Places(running=1, waiting=0), Visitor
    gone = visitor(places, arrived)
    gone.end.close()
    gone.run()
    assert isinstance(gone.error, ClientGone)
    assert come(places) in arrived


def test_a_place_is_given_back_though_it_cannot_be_counted(monkeypatch):
    def is_full(*_: object) -> None:
        raise OSError("No space left on device")

    places = Places(running=1, waiting=0)
    monkeypatch.setattr(metrics, "stage", is_full)
    with pytest.raises(OSError), places.place(HERE):
        pass
    assert places.taken == 0


def test_what_is_computed_ends_when_its_client_hangs_up():
    server, end = socket.socketpair()
    with pytest.raises(ClientGone), Places(running=1, waiting=0).place(Client(server)):
        check_client()
        end.close()
        check_client()


def test_a_client_who_sends_the_next_request_already_is_there():
    server, end = socket.socketpair()
    end.sendall(b"POST /identify HTTP/1.1\r\n")
    assert not Client(server).is_gone and not HERE.is_gone


def test_a_client_who_will_send_nothing_more_is_gone():
    server, end = socket.socketpair()
    end.shutdown(socket.SHUT_WR)
    assert Client(server).is_gone


def test_nobody_is_looked_after_outside_of_a_place():
    server, end = socket.socketpair()
    with Places(running=1, waiting=0).place(Client(server)):
        check_client()
    end.close()
    assert check_client() is None


def test_as_many_may_send_as_may_wait_and_run_and_none_of_them_takes_a_place(come, arrived):
    places = Places(running=1, waiting=1)
    with places.sending(), places.sending():
        with pytest.raises(RecognitionError, match="2 requests are sending"), places.sending():
            pass
        assert come(places) in arrived
    with places.sending():
        assert places._sending == 1


def test_nobody_need_send_what_could_not_wait(come):
    places = Places(running=1, waiting=1)
    _, waiting = come(places), come(places)
    with pytest.raises(RecognitionError, match="1 requests are computed and 1 wait"):
        places.sending().__enter__()
    waiting.end.close()
    with places.sending():
        waiting.join(SECONDS)
    assert isinstance(waiting.error, ClientGone)
