"""``python -m benchmarks.detection``: what it calls lost."""

from __future__ import annotations

import io

from PIL import Image

from benchmarks.collage import collage
from benchmarks.detection import compared

FACE, BYSTANDER = [40.0, 40.0, 140.0, 160.0, 0.999], [300.0, 10.0, 350.0, 70.0, 0.995]


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (400, 200)).save(file, "PNG")
    return file.getvalue()


def test_a_face_that_facesite_does_not_find_is_lost_and_said_where():
    told = compared({"a.png": picture()}, [[FACE]], [[FACE, BYSTANDER]])
    assert (told.faces, told.principal, told.extra) == (2, 1, 0)
    assert [str(lost) for lost in told.lost] == ["a.png: 50 x 60 px at (300, 10), 0.9950"]


def test_the_principal_face_is_the_one_in_the_middle():
    (lost,) = compared({"a.png": picture()}, [[BYSTANDER]], [[FACE, BYSTANDER]]).lost
    assert lost.principal and lost.face == FACE


def test_small_and_doubtful_faces_need_not_be_found():
    small, doubtful = [10.0, 10.0, 49.0, 60.0, 1.0], [*FACE[:4], 0.98]
    told = compared({"a.png": picture()}, [[]], [[small, doubtful]])
    assert (told.faces, told.lost) == (0, [])


def test_a_face_of_facesite_alone_is_extra():
    told = compared({"a.png": picture()}, [[FACE, BYSTANDER]], [[FACE]])
    assert (told.extra, told.lost) == (1, [])


def test_the_collage_has_one_large_face_and_eight_small_ones():
    jpeg, faces = collage(plain=False)
    sizes = [round(min(right - left, bottom - top)) for left, top, right, bottom in faces]
    assert Image.open(io.BytesIO(jpeg)).size == (4000, 3000)
    assert sizes == [900] + [48] * 8
