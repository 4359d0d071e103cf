"""pyproject.toml, constraints.txt, .env.example and the settings agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = [Requirement(line) for line in [*PROJECT["dependencies"], *sum(EXTRAS.values(), [])]]


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def versions(name: str) -> list[str]:
    """Return the pinned versions of a package, torch has one for each kind of processor."""
    named = [pin for pin in pins() if canonicalize_name(pin.name) == canonicalize_name(name)]
    return [specifier.version for pin in named for specifier in pin.specifier]


def names_in_settings() -> set[str]:
    settings = (ROOT / "facesite" / "settings.py").read_text()
    return set(re.findall(r'(?:env|environ)\.\w+\(\s*"(\w+)"', settings)) - {"FACESITE_ENV_FILE"}


def names_in_example() -> set[str]:
    example = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_every_range_contains_the_tested_version_and_has_an_end(wanted):
    found = versions(wanted.name)
    assert found and all(wanted.specifier.contains(version) for version in found)
    assert wanted.name.startswith("types-") or any(s.operator == "<" for s in wanted.specifier)


def test_every_constraint_is_exact():
    assert all([s.operator for s in pin.specifier] == ["=="] for pin in pins())


def test_serving_asks_for_nothing_that_converts():
    serving = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not serving & {"torch", "torchvision", "facenet-pytorch", "onnx", "onnxscript"}


def test_the_example_lists_every_setting_and_no_other():
    assert names_in_example() == names_in_settings()


def test_the_example_changes_nothing_until_edited():
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_workflow_runs_what_ci_runs():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["test"]["steps"][-1]["run"] == "bash .ci/run"
    assert workflow["permissions"] == {"contents": "read"}


def test_the_hooks_run_the_tools_of_make_check():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    checks = (ROOT / "Makefile").read_text()
    for tool in ("ruff check", "ruff format", "mypy", "makemigrations --check"):
        assert any(tool in hook["entry"] for hook in hooks) and tool in checks
