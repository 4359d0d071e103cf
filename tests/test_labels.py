"""Words for people: nothing that programs call by a code is without any."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template import Context, Template

from recognition.accounts import WATCHED
from recognition.errors import FOR_PEOPLE, PROBLEMS, RecognitionError
from recognition.labels import ACTS, advised, outcome_label, outcomes
from recognition.services import configuration

ROOT = Path(__file__).resolve().parent.parent
RECORDERS = {"record", "record_act", "record_all", "recorded", "_record"}
PROGRAMS = re.compile(r"[`=]|GET |POST |header|Header|scope|\b(send|Send)\b|manage\.py|_[a-z]")


def recorded() -> Iterator[str]:
    """Yield the acts that the code writes events of, as far as they stand there as words."""
    for path in (ROOT / "recognition").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "func", None)
            called = getattr(name, "id", getattr(name, "attr", ""))
            if called in RECORDERS and node.args and path.name != "accounts.py":
                yield from (n.value for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant))


def test_every_act_that_is_written_down_has_words():
    accounts = {f"{act}_{kind._meta.model_name}" for act in ("create", "change", "delete")
                for kind in WATCHED}  # fmt: skip
    found = {*recorded(), *accounts, configuration.ACT}
    assert {"register", "verify", "create_key", "sign_in"} < found
    assert found <= set(ACTS)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("not_searched", "not searched"),
        ("face_too_small", "The face is too small"),
        ("some_thing", "some thing"),
    ],
)
def test_an_outcome_is_said_in_words(outcome, said):
    tag = Template('{% include "console/outcome.html" %}').render(Context({"outcome": outcome}))
    assert f">{said}</span>" in tag


def test_every_outcome_can_be_filtered_by_its_words():
    assert dict(outcomes())["not_ready"] == outcome_label("not_ready") == "The service is not ready"
    words = [said for _, said in outcomes()]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("said", FOR_PEOPLE.values())
def test_advice_for_people_speaks_of_nothing_that_programs_send(said):
    assert PROGRAMS.search(said) is None


def test_a_refusal_has_a_hint_for_programs_and_advice_for_people():
    error = RecognitionError("duplicate_face", "x")
    assert error.hint == PROBLEMS["duplicate_face"].remedy
    assert error.advice == advised(error.hint) == PROBLEMS["duplicate_face"].advice
    assert RecognitionError("duplicate_face", "x", hint="Look.").advice == "Look."
