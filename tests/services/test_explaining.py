"""What is said of a decision: who was near enough, who was not, who lost to whom."""

from __future__ import annotations

from typing import Any

import pytest

from recognition.decisions import AMBIGUOUS, MATCH, UNKNOWN
from recognition.labels import outcome_label
from recognition.models import Event, Gallery, Subject
from recognition.services.explaining import Explanation, explain


@pytest.fixture
def people(db: None) -> dict[str, int]:
    """Return the numbers of three people by name."""
    gallery = Gallery.objects.get(name="default")
    made = [Subject.objects.create(gallery=gallery, user_id=name) for name in ("u1", "u2", "u9")]
    return {subject.user_id: subject.number for subject in made}


def told(status: str, *candidates: dict[str, Any], **kept: Any) -> Explanation:
    """Return what is said of an identification of one face."""
    face = {"status": status, "reason": "", "quality": {}, "candidates": list(candidates)}
    decision = {"threshold": 0.9, "threshold_source": "calibration", "faces": [face], **kept}
    return explain(Event.objects.create(act="identify", outcome=status, decision=decision))


def near(number: int, similarity: float, **more: Any) -> dict[str, Any]:
    return {"subject": number, "similarity": similarity, **more}


def whys(said: Explanation) -> list[str]:
    return [one.why for one in said.faces[0].candidates]


def test_who_is_nearer_without_reaching_the_own_threshold_is_not_the_winner(people):
    said = told(
        MATCH,
        near(people["u1"], 0.93, threshold=0.94, references=5),
        near(people["u9"], 0.92, threshold=0.91, references=1),
        near(people["u2"], 0.91, threshold=0.905, references=1),
    )
    first, winner, last = whys(said)
    assert (
        first
        == "0.930 is 0.010 below the threshold 0.940; u9 is 0.010 less near, and reaches theirs"
    )
    assert winner == "0.920 reaches the threshold 0.910"
    assert last == "0.910 reaches the threshold 0.905, but lost to u9 by 0.010"
    assert said.explanation[0].startswith("Face 1: match. The nearest who is near enough is u9: ")
    assert "Nearer, but not near enough, is u1: 0.930" in said.explanation[0]


def test_where_nobody_is_near_enough_nobody_wins(people):
    said = told(UNKNOWN, near(people["u1"], 0.88), near(people["u2"], 0.86), fmr=1e-3)
    assert whys(said)[1] == "0.860 is 0.040 below the threshold 0.900 for one reference"
    assert "lost to" not in str(said)


def test_two_who_cannot_be_told_apart_are_said_to_be_so(people):
    both = (near(people["u1"], 0.95, threshold=0.9), near(people["u2"], 0.945, threshold=0.9))
    said = told(AMBIGUOUS, *both, margin=0.01)
    assert whys(said)[1].endswith("but lost to u1 by 0.005, too little to tell them apart")


def test_whoever_is_erased_is_named_nowhere(people):
    Subject.objects.filter(user_id="u1").delete()
    said = told(MATCH, near(people["u1"], 0.95), near(people["u2"], 0.92))
    assert whys(said)[1].endswith("lost to somebody who is erased by now by 0.030")
    assert said.faces[0].candidates[0].user_id is None


@pytest.mark.parametrize("outcome", ["user_not_found", "client_gone"])
def test_what_came_to_no_decision_is_said_to_have(people, outcome):
    event = Event.objects.create(act="verify", outcome=outcome, decision={"embedder": "e"})
    assert explain(event).explanation == [f"Nothing was decided: {outcome_label(outcome)}."]
