"""``measure_quality`` tells good photographs from the same ones spoilt."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

NAMES = ("obama", "biden", "astronaut")


@pytest.fixture
def people(tmp_path: Path, photos) -> Path:
    """Return a folder like LFW's: one folder a person, a photograph in each."""
    for name in NAMES:
        (tmp_path / name).mkdir()
        shutil.copy(getattr(photos, name), tmp_path / name)
    return tmp_path


def shares(output: str, row: str) -> list[str]:
    """Return the shares refused: as they are, blurred, darkened, shrunk."""
    _, refused = output.split("refused by")
    (line,) = (line for line in refused.splitlines() if line.startswith(row))
    return line.split()[-4:]


def test_measure_quality_refuses_what_is_spoilt_and_nothing_else(people, networks_dir):
    output = StringIO()
    call_command("measure_quality", people, stdout=output)
    assert shares(output.getvalue(), "all together") == ["0.00%", "100.00%", "100.00%", "100.00%"]
    assert shares(output.getvalue(), "sharpness")[1] == "100.00%"


def test_measure_quality_takes_a_sample(people, networks_dir):
    output = StringIO()
    call_command("measure_quality", people, sample=1, stdout=output)
    assert shares(output.getvalue(), "size")[0] == "0.00%"


def test_measure_quality_says_that_a_folder_is_empty(tmp_path, networks_dir):
    with pytest.raises(CommandError, match="0 photographs in <person>/: no face was found"):
        call_command("measure_quality", tmp_path)
