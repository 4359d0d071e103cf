"""What a ZIP may hold that is not taken."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest

from recognition.errors import RecognitionError
from recognition.import_models import Import
from recognition.models import Subject
from recognition.services import imports
from tests.conftest import TESTER
from tests.imports.conftest import begin_zip, left, outcomes, packed, run


def with_member(portrait: bytes, name: str, data: bytes, **attributes: int) -> bytes:
    """Return a ZIP of a portrait and of a member that has odd attributes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("joe/1.jpg", portrait)
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        for attribute, value in attributes.items():
            setattr(info, attribute, value)
        archive.writestr(info, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "attributes", "code"),
    [
        ("../joe/2.jpg", {}, "unsafe_name"),
        ("..\\joe\\2.jpg", {}, "unsafe_name"),
        ("/joe/2.jpg", {}, "unsafe_name"),
        ("joe/2.jpg", {"external_attr": (stat.S_IFLNK | 0o777) << 16}, "unsafe_name"),
        ("joe/2.jpg", {"compress_type": zipfile.ZIP_LZMA}, "unsupported_member"),
        ("__MACOSX/joe/._2.jpg", {}, "passed_over"),
        ("joe/Thumbs.db", {}, "passed_over"),
        ("joe\\2.jpg", {}, "unsupported_image"),
        ("joe/2.jpg", {}, "unsupported_image"),
    ],
)
def test_a_member_is_refused_by_itself(gallery, photos, name, attributes, code):
    data = with_member(photos.biden.read_bytes(), name, b"a text", **attributes)
    batch = run(begin_zip(gallery, data))
    assert list(outcomes(batch).values()) == ["new", code]
    assert left(batch) == 0


def test_an_encrypted_member_is_refused(gallery, photos):
    data = bytearray(with_member(photos.biden.read_bytes(), "joe/2.jpg", b"a text"))
    last = data.rindex(b"PK\x01\x02")
    data[last + 8] |= 1
    batch = run(begin_zip(gallery, bytes(data)))
    assert list(outcomes(batch).values()) == ["new", "encrypted"]


def test_a_member_that_unpacks_to_too_much_is_refused(gallery, photos, settings):
    settings.MAX_IMAGE_BYTES = 2**20
    files = {"joe/1.jpg": photos.biden.read_bytes(), "joe/2.jpg": bytes(2**20 + 1)}
    batch = run(begin_zip(gallery, packed(files)))
    assert list(outcomes(batch).values()) == ["new", "unsupported_member"]


def test_a_member_that_is_longer_than_it_says_is_refused(gallery, photos, settings):
    settings.MAX_IMAGE_BYTES = 2**20
    data = bytearray(with_member(photos.biden.read_bytes(), "joe/2.jpg", bytes(2**20 + 9)))
    last = data.rindex(b"PK\x01\x02")
    data[last + 24 : last + 28] = struct.pack("<I", 100)
    batch = run(begin_zip(gallery, bytes(data)))
    assert list(outcomes(batch).values()) == ["new", "unsupported_member"]


def test_a_broken_member_is_refused(gallery, photos):
    files = {"joe/1.jpg": photos.biden.read_bytes(), "joe/2.jpg": photos.obama.read_bytes()}
    data = bytearray(packed(files, zipfile.ZIP_STORED))
    data[len(files["joe/1.jpg"]) + 5000] ^= 0xFF
    batch = run(begin_zip(gallery, bytes(data)))
    assert list(outcomes(batch).values()) == ["new", "unsupported_member"]


@pytest.mark.parametrize("data", [b"no zip at all", packed({"joe/1.jpg": b"x" * 999})[:-9]])
def test_what_is_no_zip_is_told_and_stays_to_be_discarded(gallery, data):
    batch = begin_zip(gallery, data)
    with pytest.raises(RecognitionError, match="The ZIP cannot be read"):
        imports.complete(batch, TESTER)
    assert Import.objects.get().state == Import.UPLOADING


def test_an_empty_zip_is_told(gallery):
    with pytest.raises(RecognitionError, match="It holds no files"):
        imports.complete(begin_zip(gallery, packed({})), TESTER)


def test_a_zip_of_too_many_files_is_not_even_listed(gallery, settings):
    settings.MAX_IMPORT_FILES = 3
    batch = begin_zip(gallery, packed({f"joe/{n}.jpg": b"" for n in range(4)}))
    with pytest.raises(RecognitionError, match="more than 3 files"):
        imports.complete(batch, TESTER)


def test_a_zip_that_unpacks_to_too_much_is_refused(gallery, settings):
    data = packed({f"joe/{n}.jpg": bytes(1000) for n in range(9)})
    settings.MAX_IMPORT_BYTES = 8000
    with pytest.raises(RecognitionError, match="Unpacked it has 9,000 bytes"):
        imports.complete(begin_zip(gallery, data), TESTER)


def test_a_list_that_a_false_end_hides_is_not_read(gallery, settings):
    settings.MAX_IMPORT_FILES = 3
    data = bytearray(packed({f"joe/{n}.jpg": b"" for n in range(4)}))
    data[-6:-2] = b"PK\x05\x06"  # where the list begins, which zipfile finds by itself
    with pytest.raises(RecognitionError, match="more than 3 files"):
        imports.complete(begin_zip(gallery, bytes(data)), TESTER)


def test_a_list_of_the_larger_kind_is_not_read(gallery):
    data = packed({"joe/1.jpg": b""})
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(RecognitionError, match="the kind for more than 65,535 files"):
        imports.complete(begin_zip(gallery, data[:-22] + locator + data[-22:]), TESTER)


def test_a_name_in_utf_8_is_read_though_the_zip_does_not_say_so(gallery, photos):
    data = packed({"Jos\u00e9/1.jpg": photos.biden.read_bytes()})
    flags = struct.pack("<H", 0x800)
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rindex(header) + place
        assert data[at : at + 2] == flags
        data = data[:at] + bytes(2) + data[at + 2 :]
    run(begin_zip(gallery, data))
    assert Subject.objects.get().user_id == "jose"


def test_a_slice_beyond_the_size_that_was_announced_is_refused(gallery):
    batch = imports.begin_zip(gallery, "people.zip", 100, TESTER)
    assert imports.receive_slice(batch, 0, bytes(60)) == 60
    with pytest.raises(RecognitionError, match="no slice of the file"):
        imports.receive_slice(batch, 60, bytes(41))
    assert imports.receive_slice(batch, 60, bytes(40)) == 100
