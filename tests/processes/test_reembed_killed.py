"""A change of embedder that is killed half-way: nothing is half done, and it goes on from there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import Site
from tests.services.test_reembed import PLAIN

SCRIPT = str(Path(__file__).with_name("reembed_killed.py"))
KILLED = -9
EMBEDDERS = "SELECT embedder FROM recognition_gallery"
STAGED = "SELECT count(*) FROM recognition_otherembedding"
OWN = "SELECT DISTINCT embedder FROM recognition_reference"

pytestmark = pytest.mark.slow


def test_a_change_of_embedder_that_is_killed_twice_goes_on(tmp_path, networks_dir, photos):
    site = Site(tmp_path / "site", networks_dir)
    folder = tmp_path / "calibrations"
    folder.mkdir()
    asked = (str(folder), str(photos.obama), str(photos.biden))
    site._run(SCRIPT, "storing", *asked, status=KILLED)
    assert site.ask(STAGED) == [(1,)]  # the second was being stored
    site._run(SCRIPT, "changing", *asked, status=KILLED)
    assert (site.ask(STAGED), site.ask(OWN)) == ([(2,)], [("dlib-resnet-v1",)])
    assert site.ask(EMBEDDERS) == [("dlib-resnet-v1",)]
    said = site._run(SCRIPT, "never", *asked).splitlines()
    assert said == ["embedded 0", f"{PLAIN} ['person-0']"]
    assert site.ask(OWN) == [(PLAIN,)]
