"""The whole road of a picture: which faces are found, which is meant, what comes with them."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from recognition.pipeline.decode import decode
from recognition.pipeline.extract import Extractor, principal
from recognition.pipeline.types import Box, Face, Quality
from tests.pipeline import faces
from tests.pipeline.pictures import STORED_AS

UNMEASURED = Quality(size=0, sharpness=0, brightness=0, yaw=0, pitch=0, roll=0)
GREY = Image.new("RGB", (640, 480), (128, 128, 128))


def stored_as(orientation: int) -> bytes:
    """Return a photograph whose EXIF orientation makes it upright."""
    image, turn = faces.photo("obama"), STORED_AS[orientation]
    block = Image.Exif()
    block[0x0112] = orientation
    buffer = io.BytesIO()
    stored = image if turn is None else image.transpose(turn)
    stored.save(buffer, "PNG", exif=block)
    return buffer.getvalue()


def extracted(extractor: Extractor, picture) -> list[Face]:
    return extractor.embed(picture, extractor.detect(picture))


def test_extract_gives_crops_and_embeddings_with_the_faces(extractor):
    found = extracted(extractor, faces.picture(faces.collage(3, 900)))
    assert [face.crop.shape for face in found] == [(150, 150, 3)] * 3
    assert [face.embedding.shape for face in found] == [(128,)] * 3
    assert all(face.quality.size == pytest.approx(face.box.size, abs=0.1) for face in found)


def test_no_face_is_an_empty_list(extractor):
    picture = faces.picture(GREY)
    assert extractor.detect(picture) == []
    assert extractor.embed(picture, []) == []


@pytest.mark.parametrize("size", [(1, 1), (13, 13), (1, 5000)])
def test_tiny_and_thin_pictures_have_no_face(size, extractor):
    assert extractor.detect(faces.picture(GREY.resize(size))) == []


def test_smaller_faces_are_found_where_there_is_none_of_the_size(extractor):
    picture = faces.picture(faces.scaled("obama", 120))
    (face,) = extractor.detect(picture, min_face_size=96)
    assert face.quality.size < 40


def test_smaller_faces_are_not_sought_beside_one_of_the_size(extractor):
    canvas = faces.photo("obama").copy()
    canvas.paste(faces.scaled("biden", 120), (10, 600))
    assert len(extractor.detect(faces.picture(canvas), min_face_size=20)) == 2
    assert len(extractor.detect(faces.picture(canvas), min_face_size=150)) == 1


def test_a_box_names_the_face_inside_it(extractor):
    picture = faces.picture(faces.collage(2, 900))
    one, other = extractor.detect(picture)
    assert [face.box for face in extractor.detect(picture, box=other.box)] == [other.box]
    assert [face.box for face in extractor.detect(picture, box=one.box)] == [one.box]


def test_a_face_too_small_for_the_whole_picture_is_found_inside_its_box(extractor):
    canvas = GREY.resize((2000, 1500))
    canvas.paste(faces.photo("obama"), (0, 0))
    canvas.paste(faces.scaled("biden", 150), (1700, 1300))
    box = Box(1700, 1300, 66, 150)
    found = extractor.detect(faces.picture(canvas), min_face_size=150, box=box)
    assert len(found) == 1
    assert box.contains(found[0].box.centre)
    assert all(box.contains((x, y)) for x, y in found[0].detection.landmarks)


@pytest.mark.parametrize("box", [(0, 0, 50, 50), (600, 500, 1, 1), (5000, 5000, 9, 9)])
def test_a_box_without_a_face_has_none(box, extractor):
    picture = faces.picture(faces.photo("obama"))
    assert extractor.detect(picture, box=Box(*box)) == []


def test_the_principal_face_is_large_and_near_the_middle():
    picture = faces.picture(GREY)
    boxes = [(0, 0, 120, 120), (270, 190, 100, 100), (310, 230, 20, 20)]
    found = [Face(faces.detection(box), UNMEASURED) for box in boxes]
    assert principal(found, picture) == 1


@pytest.mark.parametrize(("aside", "expected"), [(63, 1), (77, 0)])
def test_a_larger_face_is_principal_up_to_a_distance(aside, expected):
    picture = faces.picture(GREY)  # 140 x 140 less twice 63 squared is more than 100 x 100
    boxes = [(270, 190, 100, 100), (250 + aside, 170, 140, 140)]
    found = [Face(faces.detection(box), UNMEASURED) for box in boxes]
    assert principal(found, picture) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_exif_orientations_give_the_same_box_and_the_same_person(orientation, extractor):
    upright, turned = decode(stored_as(1)), decode(stored_as(orientation))
    (expected,), (face,) = extracted(extractor, upright), extracted(extractor, turned)
    assert face.box == expected.box
    assert face.embedding @ expected.embedding == pytest.approx(1, abs=1e-4)


def test_threads_get_the_same_answers(extractor):
    picture = faces.picture(faces.collage(2, 500))
    expected = [face.embedding for face in extracted(extractor, picture)]
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: extracted(extractor, picture), range(8)):
            assert np.allclose([face.embedding for face in found], expected, atol=1e-4)
