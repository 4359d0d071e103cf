"""Whether what one process has answered holds in another at once: stale answers, counted."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from PIL import Image

from benchmarks.bench import Bench
from benchmarks.photographs import FIXTURES, as_jpeg
from benchmarks.report import Bar, Row
from benchmarks.site import Site
from benchmarks.timing import Measure
from recognition.networks.catalogue import DLIB

ROUNDS = 1_000
NAMES = ("obama", "biden", "astronaut")
LONGEST = 320  # px: small pictures are answered soon, and nothing here depends on their size


class Process:
    """One server, asked over a connection of its own."""

    def __init__(self, site: Site) -> None:
        self._headers = {"X-API-Key": site.key, "Content-Type": "application/json"}
        site.client().close()  # it takes connections now
        self._connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)

    def call(self, method: str, path: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        """Return status and answer."""
        body = json.dumps(fields) if fields else None
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())

    def register(self, user_id: str, picture: str) -> None:
        self._expect(HTTPStatus.CREATED, "POST", "/register", user_id=user_id, images=[picture])

    def unregister(self, user_id: str) -> None:
        self._expect(HTTPStatus.OK, "DELETE", f"/unregister/{user_id}")

    def names(self, picture: str) -> list[str]:
        """Return whom the face in a picture is taken for."""
        answer = self._expect(HTTPStatus.OK, "POST", "/identify", image=picture)
        return [match["user_id"] for match in answer["matches"]]

    def knows(self, user_id: str) -> bool:
        return self.call("GET", f"/users/{user_id}")[0] == HTTPStatus.OK

    def _expect(self, status: int, method: str, path: str, **fields: Any) -> dict[str, Any]:
        found, answer = self.call(method, path, **fields)
        if found != status:
            raise RuntimeError(f"{method} {path} answered {found}: {answer}")
        return answer


def rows(bench: Bench) -> Iterator[Row]:
    """Write through one process, ask the other at once; both take turns at both."""
    rounds = 20 if bench.quick else ROUNDS
    first = Site(bench.folder / "agreement", bench.networks, DLIB, bench.people)
    second = first.twin()
    bench.say(f"{rounds:,} rounds over two processes")
    try:
        first.start()
        second.start()
        stale = _stale_answers([Process(first), Process(second)], rounds)
    finally:
        first.stop()
        second.stop()
    what = f"stale answers in {rounds:,} rounds over two processes"
    note = (
        f"among {bench.people:,} people; a round: registered or unregistered in one process, then "
        "the other is asked who it is and whether the user is there"
    )
    bar = Bar("at most", 0, stale, "answers")
    yield Row("agreement", what, Measure.of([stale], "answers"), bar=bar, note=note)


def _stale_answers(processes: list[Process], rounds: int) -> int:
    """Return how many of ``rounds`` were answered as if the write had not been made."""
    pictures = [_picture(name) for name in NAMES]
    stale = 0
    for round_ in range(rounds):
        person, erasing = divmod(round_, 2)
        user_id, picture = f"round-{person}", pictures[person % len(pictures)]
        # Four rounds make one turn of all: who writes, and what.
        writer, other = processes[:: -1 if (person + erasing) % 2 else 1]
        if erasing:
            writer.unregister(user_id)
        else:
            writer.register(user_id, picture)
        expected = ([], False) if erasing else ([user_id], True)
        stale += (other.names(picture), other.knows(user_id)) != expected
    return stale


def _picture(name: str) -> str:
    with Image.open(FIXTURES / f"{name}.jpg") as photograph:
        picture = photograph.convert("RGB")
    picture.thumbnail((LONGEST, LONGEST))
    return base64.b64encode(as_jpeg(picture)).decode()
