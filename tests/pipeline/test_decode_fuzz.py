"""Files with wrong bytes: a picture or a refusal, never anything else."""

from __future__ import annotations

import random
import struct
import tempfile
import warnings
import zlib
from collections.abc import Iterator

import pytest

from recognition.errors import RecognitionError
from recognition.pipeline.decode import decode
from recognition.pipeline.types import Picture
from tests.pipeline import pictures

ROUNDS = 40


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return ``data`` with a few bytes changed, lost, added or repeated, mostly near the start."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(found) if chance.random() < 0.4 else min(len(found), 200))
        act = chance.randrange(5)
        if act == 0:
            found[at] ^= 1 << chance.randrange(8)
        elif act == 1:
            found[at] = chance.choice((0, 1, 127, 128, 255))
        elif act == 2 and len(found) > 100:
            del found[at : at + chance.choice((1, 4, 50))]
        elif act == 3:
            found[at:at] = chance.randbytes(chance.choice((1, 4, 50)))
        else:
            other = chance.randrange(len(found))
            found[at:at] = found[other : other + chance.choice((4, 40, 400))]
    return bytes(found)


def with_right_sums(data: bytes) -> bytes:
    """Return a PNG with its checksums made right, so that damage reaches the decoder."""
    found, at = data[:8], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        body = data[at + 4 : at + 8 + length]
        found += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return found + data[at:]


def variants(kind: str) -> Iterator[bytes]:
    chance = random.Random(kind)
    for _ in range(ROUNDS):
        data = damaged(pictures.file(kind), chance)
        yield with_right_sums(data) if kind.startswith("png") else data


def outcome(data: bytes) -> Picture | RecognitionError:
    try:
        return decode(data)
    except RecognitionError as error:
        return error


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """Make an empty folder the current and the temporary one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("kind", pictures.FILES)
def test_decode_answers_damage_with_a_picture_or_a_refusal(kind, empty_folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcomes = [outcome(data) for data in variants(kind)]
    refused = [found for found in outcomes if isinstance(found, RecognitionError)]
    codes = {"invalid_image", "unsupported_image", "image_too_large"}
    assert refused and {error.code for error in refused} <= codes
    assert all(error.problem.status in (400, 413, 415) for error in refused)
    assert not list(empty_folder.iterdir())
