"""No log holds a face, an embedding, a key or who somebody is, whatever was sent, also on DEBUG."""

from __future__ import annotations

import base64
import logging
import socket
from collections.abc import Iterator
from io import BytesIO, StringIO

import psycopg
import pytest
from gunicorn.http.errors import InvalidRequestLine
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facesite.gunicorn import PatientWorker
from facesite.logs import ConsoleFormatter, JsonFormatter
from recognition import runtime
from recognition.models import Reference, from_bytes
from tests.api.conftest import Api
from tests.conftest import logged

USER, NAME, NOTE = "ada-lovelace-1815", "Augusta Ada King", "countess-of-lovelace"
ARTIST = "taken by a friend of hers"


@pytest.fixture(params=[ConsoleFormatter, JsonFormatter], ids=["console", "json"])
def log(request) -> Iterator[StringIO]:
    """Return everything that is logged, on DEBUG."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    with logged(request.param()) as stream:
        yield stream
    root.setLevel(level)


def spellings(raw: bytes) -> set[str]:
    """Return how a log could spell bytes: as Python does, in hexadecimal, in base64."""
    texts = {repr(raw[:16])[2:-1], raw[:12].hex(), raw[:12].hex().upper()}
    return texts | {base64.b64encode(raw[skip : skip + 24]).decode()[:20] for skip in range(3)}


def inside(picture: bytes) -> set[str]:
    """Return spellings of the first bytes of a picture that are its own, and of some in it."""
    texts = spellings(picture[1000:1064])
    return texts | {base64.b64encode(picture).decode()[1000:1030]}


def decimals(numbers) -> set[str]:
    """Return the first digits of numbers, as any number of them would be written."""
    return {f"{number:.5f}".lstrip("-0")[:6] for number in numbers if abs(number) > 0.01}


def annotated(picture: bytes, kind: str) -> bytes:
    """Return the picture with a name in it, beside the pixels."""
    image, out, exif = Image.open(BytesIO(picture)), BytesIO(), Image.Exif()
    exif[0x013B] = ARTIST
    text = PngInfo()
    text.add_text("Author", ARTIST)
    text.add(b"prIv", ARTIST.encode())
    image.save(out, kind, exif=exif, **({"pnginfo": text} if kind == "PNG" else {}))
    return out.getvalue()


def use(api: Api, pictures) -> None:
    """Register, verify, identify, look and erase, well and badly."""
    who = {"user_id": USER, "display_name": NAME, "metadata": f'{{"note": "{NOTE}"}}'}
    files = [pictures.obama, annotated(pictures.obama2, "PNG"), annotated(pictures.biden, "WEBP")]
    assert api.post("/register", file=files, **who).status_code == 201
    assert api.post("/register", file=pictures.obama, **who).status_code == 201
    for photo in (pictures.obama2, annotated(pictures.obama3, "JPEG"), pictures.obama[:20_000]):
        api.post("/identify", file=photo, candidates="3")
        api.post("/verify", file=photo, user_id=USER)
        api.post("/detect", file=photo)
        api.send_json("POST", "/identify", {"image": base64.b64encode(photo).decode()})
    api.send_json("POST", "/verify", {"user_id": USER, "image": [NAME]})
    api.send_json("POST", "/verify", f'{{"user_id": "{USER}", "image": ')
    api.post("/register", file=b"none", user_id=f"{USER}/../{NAME}", metadata=NOTE)
    api.send_json("PATCH", f"/users/{USER}", {"display_name": NAME, "metadata": NOTE})
    for path in (f"/users/{USER}", f"/users?search={NAME}", f"/nothing/{USER}", f"/{USER}/x"):
        api.get(path)
    Api(api.key[:-3] + "xyz").get(f"/users/{USER}")


def look_around(client) -> None:
    """Open pages that show the person, and some that cannot be shown."""
    for path in (
        f"/console/users/default/{USER}", "/console/users", "/console/", "/console/activity",
        f"/console/nothing/{USER}", f"/admin/recognition/subject/?q={USER}",
    ):  # fmt: skip
        client.get(path)


def test_no_log_holds_who_or_what_was_sent(api, pictures, log, admin_client, monkeypatch):
    use(api, pictures)
    look_around(admin_client)
    kept = list(Reference.objects.all())
    faces = [from_bytes(reference.embedding) for reference in kept]
    crops = [bytes(reference.crop or b"") for reference in kept]

    def fails(*_: object) -> None:
        raise RuntimeError("nobody expected this")

    with monkeypatch.context() as patched:
        patched.setattr(runtime, "index", fails)
        assert api.post("/identify", file=pictures.obama2).status_code == 500
    assert api.delete(f"/unregister/{USER}").status_code == 200
    text = log.getvalue()
    assert "nobody expected this" in text and "Traceback" in text  # the search looks at the log
    secrets = {USER, NAME, NOTE, ARTIST, api.key, api.key.partition(".")[2]}
    for photo in (pictures.obama, pictures.obama2, *crops):
        secrets |= inside(photo)
    for face in faces:
        secrets |= spellings(face.tobytes()) | decimals(face[:3].tolist())
    assert len(faces) >= 2 and not {secret for secret in secrets if secret in text}


def test_what_a_database_repeats_is_left_out(postgres, log):
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE people (name text UNIQUE)")
        connection.execute("INSERT INTO people VALUES (%s)", [USER])
        for query in ("INSERT INTO people VALUES (%s)", f"SELECT nothing, '{USER}', %s"):
            try:
                connection.execute(query, [USER])
            except psycopg.Error as error:
                logging.getLogger("x").exception("Failed: %s", error)
    text = log.getvalue()
    assert "duplicate key" in text and "does not exist" in text
    assert "DETAIL: (left out)" in text and USER not in text


def test_what_is_no_http_is_logged_without_its_words(log):
    worker = PatientWorker.__new__(PatientWorker)
    worker.log = logging.getLogger("gunicorn.error")
    server, client = socket.socketpair()
    wrong = InvalidRequestLine(f"GET /users/{USER} HTTP/one")
    worker.handle_error(None, server, ("192.0.2.1", 4711), wrong)
    assert client.recv(4096).startswith(b"HTTP/1.1 400")
    assert "192.0.2.1: InvalidRequestLine" in log.getvalue() and USER not in log.getvalue()
