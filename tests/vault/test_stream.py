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


@pytest.mark.parametrize("cut", [1, 40])
def test_what_is_cut_off_is_noticed(tmp_path, cut):
    key, path = new_key(), tmp_path / "sealed"
    stream.write_lines(path, key, "file", ["ada", "joe"])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(SealBrokenError):
        list(stream.read_lines(path, key))
