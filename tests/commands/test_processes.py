"""Commands as people run them: in processes of their own, beside a server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Photos
from tests.servers import ROOT, Site

pytestmark = pytest.mark.slow

SAY_WHETHER_TORCH_WAS_IMPORTED = """
import sys, manage
sys.argv = ["manage.py", "prepare", "--offline"]
manage.main()
print("torch" in sys.modules)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, networks_dir: Path) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("data"), networks_dir)
    yield site
    site.stop()


def test_prepare_imports_no_torch_and_writes_no_network_where_all_is_there(site):
    code = [sys.executable, "-c", SAY_WHETHER_TORCH_WAS_IMPORTED]
    said = subprocess.check_output(code, env=site.environment, cwd=ROOT, text=True)
    assert "Networks: there already" in said.splitlines()
    assert said.splitlines()[-1] == "False"
    assert not (site.folder / "networks").exists()


def test_several_jobs_register_everybody_once(site: Site, people: Callable[..., Path]):
    root = people({f"p{number}": ["obama", "biden"] for number in range(8)})
    said = site.manage("register_folder", str(root), "--jobs", "4")
    again = site.manage("register_folder", str(root), "--jobs", "4")
    assert said.splitlines()[0] == "Registered: 16 pictures of 8 people."
    assert again.splitlines() == ["Nothing was added.", "Registered before: 16 pictures."]


def test_several_jobs_answer_in_order(site: Site, photos: Photos):
    pictures = [str(photos.obama), str(photos.biden), str(photos.astronaut), "gone.jpg"] * 3
    said = site.manage("identify", *pictures, "--json", "--jobs", "4", status=1)
    assert [json.loads(line)["file"] for line in said.splitlines()] == pictures


def test_commands_and_a_running_server_agree(site: Site, photos: Photos):
    site.start().call("POST", "/galleries", data={"name": "door"})
    before = site.post_photo("/identify", photos.obama2, gallery="door").json()["matches"]
    site.manage("register", "barack", str(photos.obama), "--gallery=door")
    served = site.post_photo("/identify", photos.obama2, gallery="door").json()
    line = json.loads(site.manage("identify", str(photos.obama2), "--json", "--gallery=door"))
    site.manage("unregister", "barack", "--gallery=door")
    after = site.post_photo("/identify", photos.obama2, gallery="door").json()["matches"]
    assert (before, after) == ([], [])
    assert line["matches"] == served["matches"] == served["faces"][0]["matches"] != []
    assert line["box"] == served["faces"][0]["face"]["box"]
    assert line["reason"] == served["faces"][0]["reason"]


def test_a_database_that_was_never_prepared_is_an_error_with_a_hint(site, tmp_path, photos):
    environment = site.environment | {"FACESITE_DATA_DIR": str(tmp_path / "new")}
    command = [sys.executable, str(ROOT / "manage.py"), "identify", str(photos.obama)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Did `manage.py prepare` run?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_who_has_read_enough_is_no_error(site: Site, photos: Photos):
    manage = [sys.executable, str(ROOT / "manage.py"), "identify", *[str(photos.obama)] * 3]
    done = subprocess.Popen(
        manage, env=site.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    done.stdout.close()
    assert "Traceback" not in done.communicate()[1]
    assert done.returncode == 1
