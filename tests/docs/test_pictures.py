"""``python -m docs.pipeline``: the pictures of docs/design.md can be made anew."""

from __future__ import annotations

from PIL import Image

from docs import pipeline

SMALL = 100_000  # bytes


def test_the_pictures_that_are_kept_are_those_that_the_command_makes(networks_dir, tmp_path):
    pipeline.main(tmp_path)
    made = {path.name: Image.open(path).size for path in tmp_path.iterdir()}
    kept = {path.name: path.stat().st_size for path in pipeline.FOLDER.iterdir()}
    assert made.keys() == kept.keys() and max(kept.values()) < SMALL
    assert all(width > 300 and height > 150 for width, height in made.values())
