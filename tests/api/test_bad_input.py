"""What bad input gets: its own code, a hint to act on, never a 500, never HTML, nothing changed."""

from __future__ import annotations

import base64
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tests.api.conftest import assert_problem, stored
from tests.conftest import blank


def png_chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def bomb() -> bytes:
    """Return a PNG of a few hundred bytes that says it is 50,001 x 1,001 pixels."""
    header = struct.pack(">IIBBBBB", 50_001, 1_001, 8, 0, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(bytes(100_000))),
            png_chunk(b"IEND", b""),
        ]
    )


def jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def small_face(photograph: bytes) -> bytes:
    """Return the photograph scaled so that the face is about 20 px wide, on a large canvas."""
    image = Image.open(BytesIO(photograph))
    image = image.resize((image.width // 8, image.height // 8))
    canvas = Image.new("RGB", (640, 480), "grey")
    canvas.paste(image, (200, 150))
    return jpeg(canvas)


def two_faces(photograph: bytes) -> bytes:
    image = Image.open(BytesIO(photograph)).convert("RGB")
    return jpeg(Image.fromarray(np.hstack([np.asarray(image)] * 2)))


def picture(name: str, pictures) -> bytes:
    made = {
        "empty": b"",
        "text": b"This is no picture at all." * 40,
        "truncated": pictures.obama[:2000],
        "bomb": bomb(),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
        "pdf": b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF",
        "1x1": jpeg(Image.new("RGB", (1, 1))),
        "no face": blank(),
    }
    if name in made:
        return made[name]
    return small_face(pictures.obama) if name == "20 px" else two_faces(pictures.obama)


# name, code, status
PICTURES = [
    ("empty", 400, "invalid_image"),
    ("text", 415, "unsupported_image"),
    ("truncated", 400, "invalid_image"),
    ("bomb", 413, "image_too_large"),
    ("svg", 415, "unsupported_image"),
    ("pdf", 415, "unsupported_image"),
    ("1x1", 422, "no_face"),
    ("no face", 422, "no_face"),
    ("20 px", 422, "face_too_small"),
    ("two faces", 422, "multiple_faces"),
]


@pytest.mark.parametrize(("name", "status", "code"), PICTURES)
def test_a_bad_picture_registers_nobody(api, pictures, name, status, code):
    before = stored()
    answer = api.post("/register", user_id="ada", file=picture(name, pictures))
    problem = assert_problem(answer, status, code)
    assert problem["rejected"][0]["code"] == code
    assert stored() == before


@pytest.mark.parametrize(("name", "status", "code"), PICTURES[:6])
@pytest.mark.parametrize("path", ["/identify", "/detect"])
def test_a_bad_picture_is_refused_everywhere(api, pictures, path, name, status, code):
    assert_problem(api.post(path, file=picture(name, pictures)), status, code)


USER_IDS = ["../x", "..", "a b", " ada", "ada ", "é", "🙂", "a\0b", "x" * 129, "-a", "a\n", "a/b"]


@pytest.mark.parametrize("user_id", USER_IDS)
@pytest.mark.parametrize("path", ["/register", "/verify"])
def test_an_odd_user_id_is_refused_by_its_field(api, pictures, path, user_id):
    before = stored()
    answer = api.post(path, user_id=user_id, file=pictures.obama)
    assert set(assert_problem(answer, 400, "invalid_request")["errors"]) == {"user_id"}
    assert stored() == before


@pytest.mark.parametrize("fields", [{}, {"user_id": ""}])
def test_a_missing_user_id_is_named(api, pictures, fields):
    answer = api.post("/register", file=pictures.obama, **fields)
    assert set(assert_problem(answer, 400, "invalid_request")["errors"]) == {"user_id"}


def test_user_ids_in_query_and_form_must_be_the_same(api, pictures):
    before = stored()
    answer = api.post("/register?user_id=bob", user_id="ada", file=pictures.obama)
    assert "user_id" in assert_problem(answer, 400, "invalid_request")["errors"]
    assert stored() == before
    answer = api.post("/register?user_id=ada", user_id="ada", file=pictures.obama, dry_run="true")
    assert answer.status_code == 200


ODD_FIELDS = [
    ("/identify", "limit", "0"),
    ("/identify", "limit", "1e9"),
    ("/identify", "limit", "51"),
    ("/identify", "limit", "9" * 2000),
    ("/identify", "candidates", "21"),
    ("/identify", "candidates", "-1"),
    ("/identify", "threshold", "nan"),
    ("/identify", "threshold", "inf"),
    ("/identify", "threshold", "1.01"),
    ("/identify", "threshold", "1e400"),
    ("/identify", "min_face_size", "19"),
    ("/identify", "min_face_size", "401"),
    ("/identify", "treshold", "0.5"),
    ("/identify", "gallery", "a\0b"),
    ("/verify", "face", "-1"),
    ("/verify", "face", "1.5"),
    ("/verify", "box", "1,2,3"),
    ("/verify", "box", "0,0,0,5"),
    ("/verify", "box", "0,0,nan,5"),
    ("/verify", "box", "a,b,c,d"),
    ("/register", "replace", "maybe"),
    ("/register", "dry_run", "2"),
    ("/register", "on_duplicate", "ask"),
    ("/register", "metadata", "not json"),
    ("/register", "metadata", "[1]"),
    ("/register", "metadata", '{"a": NaN}'),
    ("/register", "metadata", '{"a": "\\u0000"}'),
    ("/register", "metadata", '{"a": "%s"}' % ("x" * 9000)),
    ("/register", "metadata", '{"a":' * 5000 + "1" + "}" * 5000),
    ("/register", "display_name", "x" * 201),
    ("/register", "display_name", "a\0b"),
]


@pytest.mark.parametrize(("path", "field", "value"), ODD_FIELDS)
def test_an_odd_field_is_refused_by_its_name(api, path, field, value):
    before = stored()
    fields = {"file": b"x", field: value}
    if path != "/identify":
        fields["user_id"] = "ada"
    problem = assert_problem(api.post(path, **fields), 400, "invalid_request")
    assert set(problem["errors"]) == {field}
    assert all(isinstance(said, str) for said in problem["errors"][field])
    assert stored() == before


def test_a_misspelt_field_is_told_the_right_name(api, pictures):
    problem = assert_problem(
        api.post("/identify?treshold=0.5", file=pictures.obama), 400, "invalid_request"
    )
    assert problem["errors"] == {
        "treshold": ["There is no such field here. Did you mean threshold?"]
    }


@pytest.mark.parametrize(
    ("path", "missing"),
    [("/register", "file"), ("/verify", "file"), ("/identify", "file"), ("/compare", "file1")],
)
def test_a_missing_file_is_named(api, path, missing):
    problem = assert_problem(api.post(path), 400, "invalid_request")
    assert missing in problem["errors"]


def test_a_file_sent_as_text_is_told_how_to_send_it(api):
    problem = assert_problem(api.post("/identify", file="photo.jpg"), 400, "invalid_request")
    assert "curl -F file=@" in problem["errors"]["file"][0]


def test_two_files_where_one_is_wanted_are_refused(api, pictures):
    answer = api.post("/identify", file=[pictures.obama, pictures.obama2])
    assert "file" in assert_problem(answer, 400, "invalid_request")["errors"]


def test_a_file_under_another_name_is_told_the_right_one(api, pictures):
    problem = assert_problem(api.post("/identify", photo=pictures.obama), 400, "invalid_request")
    assert "Did you mean file?" in problem["errors"]["photo"][0]


ODD_JSON = [
    b"",
    b"{",
    b"null",
    b"[1, 2]",
    b'"text"',
    b"\xff\xfe\x00",
    b'{"user_id": "a", "user_id": "b"}',
    b'{"threshold": NaN}',
    b'{"threshold": -Infinity}',
    b'{"threshold": 1e999}',
    b'{"limit": %s}' % (b"9" * 5000),
    b'{"limit": true}',
    b'{"threshold": true}',
    b'{"threshold": {"a": 1}}',
    b'{"gallery": ["a"]}',
    b'{"gallery": "\\ud800"}',
    '{"gallery": "\\u0000"}'.encode("utf-16"),
    b'{"image": "!!! not base64 !!!"}',
    b'{"image": "abcde"}',
    b'{"image": 5}',
    b'{"image": ["YQ=="]}',
    b'{"image": "https://example.org/face.jpg"}',
    b'{"image": "file:///etc/passwd"}',
    b'{"image": "data:image/jpeg,notbase64"}',
    b'{"file": "YQ=="}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
]


@pytest.mark.parametrize("body", ODD_JSON, ids=lambda body: repr(body[:30]))
def test_odd_json_is_refused(api, body):
    before = stored()
    answer = api.send_json("POST", "/identify", body)
    assert_problem(answer, 400, "invalid_request")
    assert stored() == before


@pytest.mark.parametrize("images", [[], ["YQ=="] * 11, [1], "%", {"a": 1}, [None]])
def test_odd_lists_of_images_are_refused(api, images):
    before = stored()
    answer = api.send_json("POST", "/register", {"user_id": "ada", "images": images})
    assert "images" in assert_problem(answer, 400, "invalid_request")["errors"]
    assert stored() == before


@pytest.mark.parametrize("path", ["/register", "/identify", "/users", "/unregister/a", "/health"])
@pytest.mark.parametrize("method", ["PUT", "TRACE", "BREW"])
def test_a_wrong_method_is_405_and_names_the_right_ones(api, path, method):
    answer = api.call(method, path)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "image/jpeg",
        "application/xml",
        "application/octet-stream",
        "nonsense",
        "x" * 999,
    ],
)
def test_a_wrong_content_type_is_415_and_names_the_right_ones(api, content_type):
    answer = api.call("POST", "/identify", data=b"x", content_type=content_type)
    assert "multipart/form-data" in assert_problem(answer, 415, "unsupported_image")["hint"]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=é",
    ],
)
def test_a_broken_form_is_refused(api, content_type):
    answer = api.call("POST", "/identify", data=b"--x\r\n\r\n", content_type=content_type)
    assert_problem(answer, 400, "invalid_request")


def test_too_many_fields_and_files_are_refused(api):
    many = "&".join(f"a{n}=1" for n in range(1200))
    assert_problem(api.get(f"/users?{many}"), 400, "invalid_request")
    assert_problem(
        api.post("/identify", **dict.fromkeys(map(str, range(1200)), "1")), 400, "invalid_request"
    )
    assert_problem(api.post("/register", user_id="a", file=[b"x"] * 25), 400, "invalid_request")


def test_a_strange_host_is_refused(api, settings):
    settings.ALLOWED_HOSTS = ["localhost"]
    answer = api.get("/users", headers={"Host": "evil.example"})
    assert_problem(answer, 400, "invalid_request")


def test_both_face_and_box_are_refused(api, pictures):
    answer = api.post("/verify", user_id="ada", file=pictures.obama, face="0", box="0,0,9,9")
    assert "face" in assert_problem(answer, 400, "invalid_request")["errors"]


def test_base64_with_line_breaks_and_without_padding_is_taken(api, pictures):
    text = base64.encodebytes(pictures.obama).decode().rstrip("=\n")
    answer = api.send_json("POST", "/detect", {"image": text})
    assert (answer.status_code, len(answer.json()["faces"])) == (200, 1)
