"""The wheel: all that the service reads is in it, and it runs without the clone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTENTS = ("recognition", "facesite", "pyproject.toml", "README.md", "LICENSE")
SIGN_IN = """
from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.template.loader import get_template
print(settings.DATA_DIR)
print(bool(find("console/console.css")), bool(get_template("404.html")))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", *CONTENTS], cwd=ROOT, capture_output=True, check=True
    )
    for (
        name
    ) in listed.stdout.decode().splitlines():  # what setuptools writes stays out of the clone
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--quiet", "--wheel-dir", folder, source], check=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder / "site")
    return folder / "site"


def run(unpacked: Path, folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "FACESITE_ENV_FILE": os.devnull}
    for name in ("DJANGO_SETTINGS_MODULE", "FACESITE_DATA_DIR"):
        environment.pop(name, None)
    asked = [sys.executable, "-m", "facesite", *command]
    ran = subprocess.run(asked, cwd=folder, env=environment, capture_output=True, check=True)
    return ran.stdout.decode()


def test_a_wheel_holds_every_template_and_script(unpacked):
    kinds = (".html", ".css", ".js", ".svg", ".json", ".py")

    def held(root: Path) -> set[str]:
        files = (root / "recognition").rglob("*")
        return {str(file.relative_to(root)) for file in files if file.suffix in kinds}

    assert held(ROOT) - held(unpacked) == set()


def test_an_installed_wheel_runs_where_it_is_started(unpacked, tmp_path):
    folder, found = run(unpacked, tmp_path, "shell", "-v", "0", "-c", SIGN_IN).splitlines()
    assert (folder, found) == (str(tmp_path / "var"), "True True")
