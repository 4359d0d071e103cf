"""Files that hypothesis changes: whatever comes of it is a picture or a refusal."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recognition.errors import RecognitionError
from recognition.pipeline.decode import Limits, decode
from tests.pipeline import pictures

CODES = {"invalid_image", "unsupported_image", "image_too_large"}
LIMITS = Limits(max_bytes=1_000_000, max_pixels=1_000_000)

places = st.integers(0, 4_000)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("write"), places, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=64)),
        st.tuples(st.just("cut"), places, st.integers(1, 400)),
    ),
    min_size=1,
    max_size=6,
)


def edited(data: bytes, changes: list[tuple[str, int, bytes | int]]) -> bytes:
    """Return ``data`` after a few changes, each at a place within it."""
    found = bytearray(data)
    for act, place, what in changes:
        at = place % (len(found) + 1)
        if act == "cut":
            del found[at : at + int(what)]
        elif act == "insert":
            found[at:at] = bytes(what)
        else:
            found[at : at + len(bytes(what))] = bytes(what)
    return bytes(found)


@pytest.mark.parametrize("kind", pictures.FILES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=edits)
def test_a_changed_file_is_a_picture_within_the_limits_or_refused(kind, changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            picture = decode(edited(pictures.file(kind), changes), limits=LIMITS)
        except RecognitionError as error:
            assert error.code in CODES and error.detail and error.hint
        else:
            assert 0 < picture.width * picture.height <= LIMITS.max_pixels


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_file_are_refused(data):
    with pytest.raises(RecognitionError) as refused:
        decode(data, limits=LIMITS)
    assert refused.value.code in CODES
