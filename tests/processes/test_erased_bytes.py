"""What was registered rests sealed, and what was erased is left nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from recognition.management.pictures import read
from recognition.models import to_bytes
from recognition.pipeline.decode import Limits, decode
from recognition.runtime import DLIB, extractor

MARKED = "marked-person-7141"
LIMITS = Limits(max_bytes=10**8, max_pixels=10**8)


def planted(photo: Path, crop: bytes) -> list[bytes]:
    """Return pieces of what the service makes of a photograph: embedding, crop."""
    picture = decode(read(photo).data, limits=LIMITS)
    maker = extractor(DLIB)
    face = maker.embed(picture, maker.detect(picture, min_face_size=40)[:1])[0]
    assert face.embedding is not None
    return [to_bytes(face.embedding)[40:104], crop[40:104], crop[-104:-40]]


def crop_of(site) -> bytes:
    (reference,) = site.call("GET", f"/users/{MARKED}").json()["references"]
    answer = site.call("GET", f"/users/{MARKED}/references/{reference['reference_id']}/crop")
    assert answer.content.startswith(b"\xff\xd8")
    return answer.content


def found(marks: list[bytes], files: list[Path]) -> list[Path]:
    return [path for path in files if any(mark in bytes_of(path) for mark in marks)]


def bytes_of(path: Path) -> bytes:
    """Return what a file holds; a running PostgreSQL drops some and makes them anew."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "networks" not in path.parts]


def test_no_face_rests_in_the_clear_and_no_name_after_erasing(
    make_site, photos, redis_server, tmp_path
):
    site = make_site(REDIS_URL=redis_server.url)
    fields = {"user_id": MARKED, "display_name": f"Name of {MARKED}"}
    assert site.post_photo("/register", photos.obama, **fields).status_code == 201
    assert site.post_photo("/identify", photos.obama2).json()["matches"]
    faces = planted(photos.obama, crop_of(site))
    redis_server.client().save()
    dump = redis_server.folder / "dump.rdb"
    assert not found(faces, [*files_in(site.folder), dump])
    assert found([MARKED.encode()], files_in(site.folder))  # the search finds what is there
    assert site.call("DELETE", f"/unregister/{MARKED}").status_code == 200
    redis_server.client().save()
    site.stop()
    assert not found([*faces, MARKED.encode()], [*files_in(site.folder), dump])


def test_no_face_rests_in_the_clear_in_postgresql(make_site, photos, postgres):
    site = make_site(DATABASE_URL=postgres.create("planted"))
    assert site.post_photo("/register", photos.obama, user_id=MARKED).status_code == 201
    faces = planted(photos.obama, crop_of(site))
    postgres.server.psql("CHECKPOINT;")
    assert not found(faces, files_in(postgres.folder))
    assert site.call("DELETE", f"/unregister/{MARKED}").status_code == 200
    postgres.server.psql("CHECKPOINT;")
    assert not found(faces, files_in(postgres.folder))


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_erasure_check_finds_nothing_after_an_erasure(make_site, photos, postgres, engine):
    options = {"DATABASE_URL": postgres.create("checked")} if engine == "postgres" else {}
    site = make_site(**options)
    assert site.post_photo("/register", photos.obama, user_id=MARKED).status_code == 201
    assert site.call("DELETE", f"/unregister/{MARKED}").status_code == 200
    assert all(line.endswith(": 0") for line in site.manage("erasure_check").splitlines())
