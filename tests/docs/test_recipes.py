"""The recipes of CONTRIBUTING, followed: their code runs in the files that it is to be put into."""

from __future__ import annotations

import re
from importlib import import_module
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.template import engines
from rest_framework import serializers

from recognition import services
from recognition.api.serializers import shown
from recognition.pipeline.types import Floats
from tests.docs.documents import ROOT, fences

PLACE = re.compile(r"(?:# |<!-- )([\w/]+\.\w+)")


def recipes() -> dict[str, list[str]]:
    """Return the blocks of code by the file that they are for."""
    found: dict[str, list[str]] = {}
    for language, block in fences(ROOT / "CONTRIBUTING.md"):
        if language in {"python", "html"}:
            place = PLACE.match(block)
            assert place, block
            found.setdefault(place[1], []).append(block)
    return found


def followed(path: str) -> dict[str, Any]:
    """Return the names that a file of this repository has once a recipe was followed."""
    names = dict(vars(import_module(path.removesuffix(".py").replace("/", "."))))
    for block in recipes()[path]:
        exec(compile(block, path, "exec"), names)  # noqa: S102  # our own document
    return names


@pytest.fixture
def counted(monkeypatch) -> None:
    """Let the services have the one of the recipe."""
    names = followed("recognition/services/people.py")
    monkeypatch.setattr(services, "count_matchable", names["count_matchable"], raising=False)


@pytest.fixture
def ada(register) -> None:
    register("ada", "obama")


def test_the_service_counts(ada, counted, gallery):
    assert services.count_matchable(gallery) == 1


def test_the_endpoint_answers(ada, counted, monkeypatch, rf, settings):
    galleries = import_module("recognition.api.galleries")
    monkeypatch.setattr(galleries, "serializers", serializers, raising=False)
    monkeypatch.setattr(galleries, "shown", shown, raising=False)
    view = followed("recognition/api/galleries.py")["MatchableView"]
    _, key = import_module("recognition.models").ApiKey.objects.create_key(name="t")
    request = rf.get("/", headers={"X-API-Key": key})
    request.id = "1"
    assert view.as_view()(request, name="default").data == {"people": 1}


def test_the_command_writes(ada, counted):
    block = recipes()["recognition/management/commands/count_matchable.py"][0]
    names: dict[str, Any] = {"__name__": "recognition.management.commands.count_matchable"}
    exec(compile(block, "count_matchable", "exec"), names)  # noqa: S102  # our own document
    out = StringIO()
    call_command(names["Command"](), stdout=out)
    assert out.getvalue() == "1\n"


def test_the_page_is_shown(ada, counted, rf, admin_user, monkeypatch):
    page = followed("recognition/web/galleries.py")["MatchablePage"]
    template = engines["django"].from_string(
        recipes()["recognition/templates/console/matchable.html"][0]
    )
    kept: dict[str, Any] = {}
    monkeypatch.setattr(page, "show", lambda self, name, **context: kept.update(context))
    request = rf.get("/")
    request.user = admin_user
    page(request=request).get(request, "default")
    assert "1 person can be matched." in template.render(kept, request)


class Network:
    """A network whose 512 outputs are the first pixels of its inputs."""

    def run(self, inputs: Floats) -> list[Floats]:
        return [inputs.reshape(len(inputs), -1)[:, :512]]


def test_the_embedder_embeds():
    embedder = followed("recognition/pipeline/embed.py")["ArcFace"](Network())
    crops = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    lengths = np.linalg.norm(embedder.embed(crops), axis=1)
    assert lengths == pytest.approx([1, 1], abs=1e-5)


@pytest.mark.parametrize("path", [path for path in recipes() if path.endswith(".py")])
def test_every_recipe_is_for_a_place_that_is_there(path):
    assert (ROOT / path).parent.is_dir()
    for block in recipes()[path]:
        compile(block, path, "exec")
