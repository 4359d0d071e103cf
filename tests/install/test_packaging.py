"""pyproject.toml, constraints.txt, .env.example and the settings agree with each other."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
UNKNOWN = "?"
#: What decides before there are settings, or is nobody's setting.
READ_ELSEWHERE = {
    "facesite/__main__.py": {"DJANGO_SETTINGS_MODULE"},
    "facesite/gunicorn.py": {"DJANGO_SETTINGS_MODULE", "PROMETHEUS_MULTIPROC_DIR"},
    "facesite/healthy.py": {"PORT", "TLS"},  # without Django: it starts in milliseconds
    "facesite/install.py": {"TORCH_INDEX", UNKNOWN},  # and hands all of it to pip
    "facesite/wsgi.py": {"DJANGO_SETTINGS_MODULE"},
    "recognition/__init__.py": {"OPENBLAS_NUM_THREADS", "ORT_DISABLE_TELEMETRY"},
    "recognition/gallery/milvus.py": {"PYTHON_DOTENV_DISABLED"},
    "recognition/management/commands/import.py": {UNKNOWN},  # the key of a file, for this once
    "recognition/states.py": {"PROMETHEUS_MULTIPROC_DIR"},
}
OF_THE_MACHINE = {"MAX_RUNNING", "INFERENCE_THREADS", "SECRET_KEY"}  # their defaults differ
WANTED = [Requirement(line) for line in [*PROJECT["dependencies"], *sum(EXTRAS.values(), [])]]


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def versions(name: str) -> list[str]:
    """Return the pinned versions of a package, torch has one for each kind of processor."""
    named = [pin for pin in pins() if canonicalize_name(pin.name) == canonicalize_name(name)]
    return [specifier.version for pin in named for specifier in pin.specifier]


def environment_reads(path: Path) -> set[str]:
    """Return the names that a file reads from the environment; UNKNOWN for what none can tell.

    From the code as Python parses it: neither comments nor the way in which it is written count.
    """
    tree = ast.parse(path.read_text())
    above = {below: node for node in ast.walk(tree) for below in ast.iter_child_nodes(node)}
    return {_name_read(node, above) for node in ast.walk(tree) if _is_environment(node)}


def _is_environment(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="env", ctx=ast.Load()):
            return True
        case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv"):
            return True
        case ast.ImportFrom(module="os"):
            return bool({"environ", "environb", "getenv"} & {alias.name for alias in node.names})
    return False


def _name_read(node: ast.AST, above: dict[ast.AST, ast.AST]) -> str:
    """Return the name in ``env.str("NAME")``, ``os.environ["NAME"]`` or ``os.getenv("NAME")``."""
    asked = above[node]
    asked = above[asked] if isinstance(asked, ast.Attribute) else asked
    named: list[ast.expr] = []
    if isinstance(asked, ast.Call) and node not in asked.args:
        named = asked.args[:1]
    elif isinstance(asked, ast.Subscript):
        named = [asked.slice]
    elif isinstance(asked, ast.Compare):
        named = [asked.left]
    names = [one.value for one in named if isinstance(one, ast.Constant)]
    return str(names[0]) if names else UNKNOWN


def names_in_settings() -> set[str]:
    return environment_reads(ROOT / "facesite" / "settings.py") - {"FACESITE_ENV_FILE"}


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


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("X = env.str('NAME', '')", "NAME"),
        ("X = env.zone(\n    'NAME', '')", "NAME"),
        ("X = os.environ['NAME']", "NAME"),
        ("X = os.getenv('NAME') or os.environ.get('NAME')", "NAME"),
        ("for n in 'AB': X = env.str(n)", UNKNOWN),
        ("read = env.str", UNKNOWN),
        ("X = f(env)", UNKNOWN),
        ("X = 'NAME' in os.environ", "NAME"),
        ("from os import environ", UNKNOWN),
    ],
)
def test_whatever_way_a_setting_is_read_it_is_seen(tmp_path, line, name):
    (tmp_path / "settings.py").write_text(f"env = Environment()\n# env.str('NONE')\n{line}\n")
    assert environment_reads(tmp_path / "settings.py") == {name}


def test_nothing_but_the_settings_reads_settings():
    files = [*(ROOT / "facesite").rglob("*.py"), *(ROOT / "recognition").rglob("*.py")]
    read = {
        str(path.relative_to(ROOT)): names
        for path in files
        if path.name != "settings.py" and (names := environment_reads(path))
    }
    assert read == READ_ELSEWHERE


def test_what_the_example_says_is_the_default():
    example = (ROOT / ".env.example").read_text()
    said = dict(re.findall(r"^# ([A-Z][A-Z0-9_]+)=(.*)$", example, re.MULTILINE))
    values = {name: getattr(settings, name, "") for name in said.keys() - OF_THE_MACHINE}
    plain = {n: v for n, v in values.items() if isinstance(v, bool | int | float | str) and v != ""}
    in_words = {n: ("no", "yes")[v] if isinstance(v, bool) else str(v) for n, v in plain.items()}
    assert len(in_words) > 30 and in_words == {name: said[name] for name in in_words}


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
