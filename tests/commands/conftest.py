"""The commands' cast: a command line in this process, and folders of photographs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from recognition.models import Gallery
from tests.conftest import Photos


@dataclass(frozen=True)
class Ran:
    """What a command wrote, and its exit status."""

    stdout: str
    stderr: str
    status: int

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


def run(*arguments: object) -> Ran:
    """Run a command as the command line would."""
    out, err, status = StringIO(), StringIO(), 0
    try:
        call_command(*map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
        status = error.returncode
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    return Ran(out.getvalue(), err.getvalue(), status)


@pytest.fixture
def command(gallery: Gallery) -> Callable[..., Ran]:
    """Return a function that runs a command, with networks and an empty gallery."""
    return run


@pytest.fixture
def people(tmp_path: Path, photos: Photos) -> Callable[..., Path]:
    """Return a function that makes a folder of people: ``people({"barack": ["obama"]})``.

    A text is the name of a photograph, bytes are a file's content.
    """

    def make(folders: dict[str, list[str | bytes]]) -> Path:
        for folder, pictures in folders.items():
            (tmp_path / folder).mkdir(exist_ok=True)
            for number, picture in enumerate(pictures):
                path = tmp_path / folder / f"{number}.jpg"
                if isinstance(picture, bytes):
                    path.write_bytes(picture)
                else:
                    shutil.copy(getattr(photos, picture), path)
        return tmp_path

    return make
