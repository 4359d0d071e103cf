"""The first page: counts, health, what is in force, what was decided."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from recognition import services
from recognition.models import Event
from recognition.web.home import HEIGHT, HOURS, bars
from tests.conftest import TESTER, queries


def test_it_tells_who_is_known_and_what_decides(viewer, register):
    register("ada", "obama", "obama2")
    text = viewer.get("/console/").content.decode()
    assert "2 references" in text and "dlib-resnet-v1" in text
    assert "of strangers 1 % are named" in text
    assert "Allowed by the weights" in text


def test_it_takes_as_many_queries_with_many_galleries(viewer):
    before = queries(viewer, "/console/")
    for number in range(5):
        services.create_gallery(f"g{number}", actor=TESTER)
    assert queries(viewer, "/console/") == before


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_the_plot_counts_each_hour(gallery, settings, zone):
    settings.TIME_ZONE = zone
    now = timezone.now()
    for outcome in ("match", "match", "unknown", "ok"):
        Event.objects.create(actor="a", act="identify", outcome=outcome, time=now)
    Event.objects.create(actor="a", act="identify", outcome="ok", time=now - timedelta(hours=2))
    plotted = bars(now)
    assert [bar.total for bar in plotted[-3:]] == [1, 0, 4] and len(plotted) == HOURS
    assert [height for _, _, height in plotted[-1].parts] == [HEIGHT // 2, HEIGHT // 4, HEIGHT // 4]


def test_the_plot_takes_a_refused_sign_in_for_no_decision(gallery):
    now = timezone.now()
    Event.objects.create(actor="-", act="sign_in", outcome="refused", time=now)
    heights = {kind: height for kind, _, height in bars(now)[-1].parts}
    assert heights == {"match": 0, "unknown": 0, "other": HEIGHT}


def test_it_tells_when_each_gallery_was_used_last(viewer, gallery):
    services.create_gallery("unused", actor=TESTER)
    Event.objects.all().delete()
    Event.objects.create(actor="a", act="identify", outcome="ok", gallery="default")
    shown = {one.gallery.name: one.last for one in viewer.get("/console/").context["galleries"]}
    assert timezone.now() - shown["default"] < timedelta(minutes=1) and shown["unused"] is None
    assert "none lately" in viewer.get("/console/").content.decode()
