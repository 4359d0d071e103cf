"""What was erased is not left in the files of SQLite."""

from __future__ import annotations

import sqlite3


def test_no_embedding_and_no_crop_is_left_in_sqlite(make_site, photos):
    site = make_site()
    assert site.post_photo("/register", photos.obama, user_id="barack").status_code == 201
    with sqlite3.connect(site.folder / "facesite.sqlite3") as database:
        query = "SELECT sealed_embedding, sealed_crop FROM recognition_reference"
        stored = [value for row in database.execute(query) for value in row]
    database.close()
    assert any(marks(site, stored))
    assert site.call("DELETE", "/unregister/barack").status_code == 200
    assert not any(marks(site, stored))


def marks(site, stored: list[bytes]) -> list[bool]:
    """Say for each stored value whether a piece of it stands in any file of the database."""
    files = [path.read_bytes() for path in site.folder.glob("facesite.sqlite3*")]
    return [any(value[40:104] in content for content in files) for value in stored]
