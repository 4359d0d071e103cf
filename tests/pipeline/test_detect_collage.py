"""One large face does not hide small ones, however large the picture."""

from __future__ import annotations

from benchmarks.collage import collage
from recognition.pipeline.decode import decode


def test_detect_finds_one_face_of_900_px_and_eight_of_48_in_12_megapixels(detector):
    jpeg, faces = collage(plain=False)
    found = [face.box for face in detector.detect(decode(jpeg))]
    middles = [((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in faces]
    assert len(found) == 9
    assert all(any(box.contains(middle) for box in found) for middle in middles)
