"""POST /detect: where are the faces, and how good are they?"""

from __future__ import annotations

from recognition.pipeline.types import LANDMARKS


def test_detect_measures_the_face_in_pixels_of_the_picture(api, pictures):
    answer = api.post("/detect", file=pictures.obama)
    (face,) = answer.json()["faces"]
    box, eyes = face["box"], face["landmarks"]
    assert answer.status_code == 200
    assert tuple(eyes) == LANDMARKS and eyes["left_eye"][0] < eyes["right_eye"][0]
    assert box["x"] < eyes["left_eye"][0] < box["x"] + box["width"]
    assert face["detection_probability"] > 0.9 and face["quality"]["size"] > 40


def test_any_key_may_detect(make_api, gallery, pictures):
    answer = make_api().post("/detect", file=pictures.obama)
    assert (answer.status_code, len(answer.json()["faces"])) == (200, 1)
