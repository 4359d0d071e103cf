"""The page that tells why."""

from __future__ import annotations

import pytest

from recognition import services
from recognition.models import Event
from tests.conftest import TESTER


@pytest.fixture
def decided(gallery, register, photos):
    """Register two people and identify one of them; return the decision's id."""
    register("barack", "obama")
    register("barry", "obama3")
    found = services.identify(
        services.find_gallery("default"), photos.upload("obama2"), actor=TESTER
    )
    return found.decision_id


def test_it_lists_candidates_with_a_reason_each(viewer, decided):
    answer = viewer.get(f"/console/decisions/{decided}")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'href="/console/users/default/barack"' in text and "barry" in text
    assert "reaches the threshold" in text and "lost to" in text
    assert "<h2>Face 1</h2>" in text


def test_whoever_is_erased_is_not_named(viewer, decided, gallery):
    services.unregister(gallery, "barack", actor=TESTER)
    services.unregister(gallery, "barry", actor=TESTER)
    text = viewer.get(f"/console/decisions/{decided}").content.decode()
    assert "not registered any more" in text and "barack" not in text


def test_activity_leads_to_it(viewer, decided):
    text = viewer.get("/console/activity").content.decode()
    assert f'href="/console/decisions/{decided}"' in text


@pytest.mark.parametrize("nothing", ["0", "x", "9" * 30])
def test_there_is_no_page_of_what_is_no_decision(viewer, nothing):
    assert viewer.get(f"/console/decisions/{nothing}").status_code == 404


def test_acts_that_decide_nothing_have_no_page(viewer, decided):
    other = Event.objects.filter(act="register").first()
    assert viewer.get(f"/console/decisions/{other.pk}").status_code == 404
    text = viewer.get("/console/activity").content.decode()
    assert f'href="/console/decisions/{other.pk}"' not in text
