"""The API's description: complete, valid, and served from local files."""

from __future__ import annotations

import re

import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

from recognition.api import known, serializers
from recognition.api.examples import ANSWERS, FACE
from recognition.errors import PROBLEMS
from recognition.pipeline.quality import QualityLimits, faults
from recognition.pipeline.types import Quality
from tests.api.test_scopes import calls


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_schema_is_valid_and_warns_of_nothing(tmp_path):
    file = tmp_path / "schema.yaml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file))
    assert yaml.safe_load(file.read_text())["info"]["title"] == "Facesite"


def test_every_call_is_described_once(schema):
    described = {
        (
            re.sub(r"\{\w+\}", "x", path),
            method,
        )
        for path, methods in schema["paths"].items()
        for method in methods
    }
    assert described == {(path, method.lower()) for (_, method), path in calls().items()}
    ids = [one["operationId"] for methods in schema["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids))


def test_pictures_are_described_for_forms_and_for_json(schema):
    content = schema["paths"]["/register"]["post"]["requestBody"]["content"]
    named = {kind: one["schema"]["$ref"].rpartition("/")[2] for kind, one in content.items()}
    form, twin = (schema["components"]["schemas"][name]["properties"] for name in named.values())
    assert list(named) == ["multipart/form-data", "application/json"]
    assert form["file"]["items"] == {"type": "string", "format": "binary"}
    assert twin["images"]["items"]["format"] == "byte" and "file" not in twin


def test_five_matches_are_told_unless_others_are_asked_for(schema):
    body = schema["paths"]["/identify"]["post"]["requestBody"]["content"]["application/json"]
    form = schema["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
    limit = form["properties"]["limit"]
    assert (limit["default"], limit["minimum"], limit["maximum"]) == (5, 1, 50)


def test_every_call_with_a_key_says_so_and_shows_problems(schema):
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            needs_key = not path.startswith("/health")
            assert bool(operation.get("security")) == needs_key, path
            if needs_key:
                assert "application/problem+json" in operation["responses"]["401"]["content"]
    assert set(schema["components"]["securitySchemes"]) == {"X-API-Key", "Authorization", "session"}


def test_calls_with_pictures_say_that_they_may_be_refused_for_others(schema):
    refused = {
        path
        for path, methods in schema["paths"].items()
        if "overloaded"
        in methods.get("post", {"responses": {}})["responses"].get("503", {"description": ""})[
            "description"
        ]
    }
    assert refused == {"/register", "/verify", "/identify", "/detect", "/compare"}


def test_the_description_lists_every_code(schema):
    assert all(
        f"`{code}` | {p.status}" in schema["info"]["description"] for code, p in PROBLEMS.items()
    )


@pytest.mark.parametrize(
    ("call", "serializer"),
    [
        ("register", serializers.RegistrationSerializer),
        ("verify", serializers.VerificationSerializer),
        ("compare", serializers.ComparisonSerializer),
        ("identify", serializers.IdentificationSerializer),
        ("detect", serializers.DetectionSerializer),
        ("unregister", known.UnregisteredSerializer),
    ],
)
def test_the_examples_have_the_fields_that_answers_have(call, serializer):
    assert set(ANSWERS[call][0].value) == set(serializer().fields)


def test_the_pages_use_local_files_alone(client):
    for path in ("/docs/", "/docs/?script="):
        text = client.get(path).content.decode()
        assert "http://" not in text and "https://" not in text
    assert client.get("/docs").status_code == 302
    assert client.get("/schema/").status_code == 200


def test_the_face_of_the_examples_is_good_enough():
    assert faults(Quality(**FACE["quality"]), QualityLimits()) == []
