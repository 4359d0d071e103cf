"""Sealed files: what was written is read, and what was altered is noticed."""

from __future__ import annotations

import pytest

from recognition.sealing import SealBrokenError, new_key
from recognition.vault import stream


def test_lines_of_any_length_come_back(tmp_path):
    key, path = new_key(), tmp_path / "sealed"
    lines = [1, "x" * (70 << 20), ["a person", "with hundreds of photographs, before"]]
    assert stream.write_lines(path, key, "file", lines) == 3
    assert list(stream.read_lines(path, key)) == lines


def test_a_file_that_is_not_finished_is_not_left(tmp_path):
    def lines():
        yield "ada"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream.write_lines(tmp_path / "sealed", new_key(), "file", lines())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    (tmp_path / "sealed").write_bytes(b"yesterday's")
    with pytest.raises(FileExistsError):
        stream.write_lines(tmp_path / "sealed", new_key(), "file", ["ada"])
    assert (tmp_path / "sealed").read_bytes() == b"yesterday's"


@pytest.mark.parametrize("cut", [1, 40])
def test_what_is_cut_off_is_noticed(tmp_path, cut):
    key, path = new_key(), tmp_path / "sealed"
    stream.write_lines(path, key, "file", ["ada", "joe"])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(SealBrokenError):
        list(stream.read_lines(path, key))
