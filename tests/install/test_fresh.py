"""What the image runs, in the image's order, in a new environment without torch."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.install.test_image import arguments, copied, image_environment
from tests.servers import ROOT, free_port

NO_COPY = shutil.ignore_patterns("__pycache__")
pytestmark = pytest.mark.slow


class Container:
    """A folder with what the image copies, and an environment like the image's."""

    def __init__(self, folder: Path) -> None:
        self.app, self.venv, self.networks = folder / "app", folder / "venv", folder / "networks"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **image_environment(),
            "PATH": f"{self.venv}/bin:{os.environ['PATH']}",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "FACESITE_DATA_DIR": str(folder / "data"),
            "FACESITE_NETWORKS_DIR": str(self.networks),
            "FACESITE_ENV_FILE": os.devnull,
        }
        for source in copied():
            self._copy(source)

    def _copy(self, source: str) -> None:
        there = self.app / source
        there.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, there, ignore=NO_COPY, dirs_exist_ok=True)
        else:
            shutil.copy2(ROOT / source, there)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of the image's commands and return what it said."""
        given = {**self.environment, **environment}
        return subprocess.run(
            command, cwd=self.app, env=given, capture_output=True, text=True, check=False
        )

    def serve(self) -> subprocess.Popen[bytes]:
        """Run the image's CMD and wait until its HEALTHCHECK is content."""
        shell, flag, line = json.loads(arguments("CMD")[-1])
        process = subprocess.Popen([shell, flag, line], cwd=self.app, env=self.environment)
        deadline = time.monotonic() + 60
        while self.run("python", "-m", "facesite.healthy").returncode != 0:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        return process


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory, networks_dir: Path) -> Container:
    """Return the image's last stage, its packages installed and its networks converted."""
    built = Container(tmp_path_factory.mktemp("image"))
    install = built.run("make", "install", f"VENV={built.venv}", "EXTRAS=", PIP_NO_COMPILE="1")
    assert install.returncode == 0, install.stdout + install.stderr
    # The stage that converts: with this environment's torch as it is, without a download, and
    # with the networks that these tests have converted already.
    data = built.networks.parent / "build"
    shutil.copytree(networks_dir, data / "networks")
    stage = [f"VENV={Path(sys.prefix)}", f"FACESITE_DATA_DIR={data}", "FACE_MODEL=dlib-resnet-v1"]
    convert = built.run("make", "-o", "install", "networks", *stage, FACESITE_NETWORKS_DIR="")
    assert convert.returncode == 0, convert.stdout + convert.stderr
    shutil.copytree(data / "networks", built.networks)
    return built


@pytest.fixture(scope="module")
def serving(container: Container) -> Iterator[subprocess.Popen[bytes]]:
    process = container.serve()
    yield process
    process.kill()


def test_the_image_has_no_torch_to_import(container):
    found = container.run("python", "-c", "import torch").stderr
    assert "No module named 'torch'" in found


def test_the_image_is_ready_with_the_networks_it_was_given(container, serving):
    answer = requests.get(f"{container.url}/health/ready", timeout=30)
    assert answer.status_code == 200, answer.text


def test_the_image_registers_and_identifies(container, serving, photos):
    made = container.run("python", "manage.py", "create_api_key", "test")
    headers = {"X-API-Key": made.stdout.strip()}
    with photos.obama.open("rb") as file:
        form = {"data": {"user_id": "obama"}, "files": {"file": file}, "headers": headers}
        assert requests.post(f"{container.url}/register", timeout=30, **form).status_code == 201
    with photos.obama2.open("rb") as file:
        form = {"files": {"file": file}, "headers": headers}
        found = requests.post(f"{container.url}/identify", timeout=30, **form).json()
    assert [match["user_id"] for match in found["matches"]] == ["obama"]


def test_the_image_ends_at_the_stop_signal(container, serving):
    serving.send_signal(getattr(signal, arguments("STOPSIGNAL")[0]))
    assert serving.wait(timeout=40) == 0
