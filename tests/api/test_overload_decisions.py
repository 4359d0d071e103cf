"""Sixteen clients at once get the answers that each would get alone, field for field."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.conftest import FIXTURES
from tests.servers import Site

CLIENTS = 16
ROUNDS = 3
PEOPLE = {"barack": "obama", "joe": "biden", "eileen": "astronaut"}
PROBES = ("obama2", "obama3", "biden", "astronaut", "obama_partial_face")
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda picture: picture,
    "mirrored": ImageOps.mirror,
    "darker": lambda picture: ImageEnhance.Brightness(picture).enhance(0.6),
    "smaller": lambda picture: ImageOps.scale(picture, 0.35),
    "turned": lambda picture: picture.rotate(8),
}
Question = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def site(tmp_path_factory, networks_dir) -> Iterator[Site]:
    """Return a server that knows three people."""
    site = Site(tmp_path_factory.mktemp("site"), networks_dir).start()
    for user_id, name in PEOPLE.items():
        photo = FIXTURES / f"{name}.jpg"
        assert site.post_photo("/register", photo, user_id=user_id).status_code == 201
    yield site
    site.stop()


def questions() -> list[Question]:
    """Return calls about every probe in every change, and about all people in one picture."""
    pictures = [changed(name, change) for name, change in product(PROBES, CHANGES.values())]
    pictures.append(as_jpeg(everybody()))
    one = [("/identify", {"file": each}) for each in pictures]
    one += [("/verify?user_id=barack", {"file": each}) for each in pictures[::3]]
    one += [("/detect", {"file": each}) for each in pictures[::4]]
    return [*one, ("/compare", {"file1": pictures[0], "file2": pictures[6]})]


def changed(name: str, change: Callable[[Image.Image], Image.Image]) -> bytes:
    with Image.open(FIXTURES / f"{name}.jpg") as photograph:
        return as_jpeg(change(photograph.convert("RGB")))


def everybody() -> Image.Image:
    """Return the three people side by side."""
    faces = [Image.open(FIXTURES / f"{name}.jpg").convert("RGB") for name in PEOPLE.values()]
    faces = [ImageOps.contain(face, (500, 500)) for face in faces]
    together = Image.new("RGB", (sum(face.width for face in faces), 500))
    for number, face in enumerate(faces):
        together.paste(face, (sum(other.width for other in faces[:number]), 0))
    return together


def as_jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def ask(site: Site, question: Question) -> tuple[int, dict[str, Any]]:
    """Return status and answer, without what is different each time."""
    path, files = question
    answer = site.call("POST", path, files=files)
    each_time = ("timings_ms", "request_id", "decision_id")
    return answer.status_code, {k: v for k, v in answer.json().items() if k not in each_time}


def test_sixteen_clients_get_the_answers_of_one(site):
    asked = questions()
    alone = [ask(site, question) for question in asked]
    with ThreadPoolExecutor(CLIENTS) as clients:
        together = list(clients.map(lambda question: ask(site, question), asked * ROUNDS))
    assert together == alone * ROUNDS


def test_the_answers_tell_people_and_refusals_apart(site):
    """The comparison above is about something: matches of three people, strangers, refusals."""
    answers = [ask(site, question) for question in questions()]
    named = {m["user_id"] for status, one in answers for m in one.get("matches", ())}
    faces = [face for _, one in answers for face in one.get("faces", ())]
    statuses = {face["status"] for face in faces if "status" in face}
    assert named == set(PEOPLE)
    assert {"match", "not_searched"} <= statuses
    assert {200, 422} <= {status for status, _ in answers}
    assert max(len(one.get("faces", ())) for _, one in answers) == 3
