"""Who may import whom (HOUSE-STYLE): read from the code, so that no test run can hide a slip."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "torchvision", "facenet_pytorch", "onnx", "onnxscript"}
DJANGO = {"django", "rest_framework", "django_redis", "rest_framework_api_key", "facesite"}
MILVUS = {"pymilvus", "grpc", "milvus_lite"}
ERRORS = "recognition.errors"
TYPES = "recognition.pipeline.types"
THREADS = "recognition.threads"
SEALING = "recognition.sealing"


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Return the modules that a file imports (those under ``if TYPE_CHECKING`` too)."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", files("recognition/pipeline"), ids=str)
def test_the_pipeline_knows_neither_django_nor_torch_nor_the_rest(path):
    own = {n for n in imports(path) if n.startswith("recognition.")}
    assert not roots(path) & (HEAVY | DJANGO)
    assert all(n.startswith(("recognition.pipeline", ERRORS)) for n in own)


@pytest.mark.parametrize("path", files("recognition/gallery"), ids=str)
def test_the_gallery_knows_no_django(path):
    own = {n for n in imports(path) if n.startswith("recognition.")}
    assert not roots(path) & (HEAVY | DJANGO)
    assert all(n.startswith(("recognition.gallery", ERRORS, TYPES, THREADS, SEALING)) for n in own)


@pytest.mark.parametrize("path", files("recognition") + files("facesite"), ids=str)
def test_pymilvus_is_imported_by_its_adapter_alone_and_when_it_is_needed(path):
    assert not {name.split(".")[0] for name in imports(path, top_level=True)} & MILVUS
    if path.name != "milvus.py":
        assert not roots(path) & MILVUS


@pytest.mark.parametrize("path", files("recognition/networks"), ids=str)
def test_networks_import_torch_only_inside_functions(path):
    top = {name.split(".")[0] for name in imports(path, top_level=True)}
    assert not top & HEAVY
    assert not roots(path) & DJANGO


@pytest.mark.parametrize("path", files("recognition") + files("facesite"), ids=str)
def test_torch_is_imported_nowhere_but_in_networks(path):
    if "networks" not in path.parts:
        assert not roots(path) & HEAVY


@pytest.mark.parametrize("path", files("recognition") + files("facesite"), ids=str)
def test_nothing_but_the_urls_imports_the_api_or_the_admin(path):
    inside = {"admin", "api", "web"} & set(path.relative_to(ROOT).parts[:-1])
    if path == ROOT / "facesite" / "urls.py" or inside:
        return
    outer = ("recognition.api", "recognition.web", "recognition.admin")
    assert not {n for n in imports(path) if n.startswith(outer)}


# A page without JavaScript reads what is sent, says what is wrong and counts it as the API does.
SHARED = ("forms", "health", "problems", "throttling")


@pytest.mark.parametrize("path", files("recognition/web"), ids=str)
def test_pages_take_from_the_api_only_what_both_read_by(path):
    taken = {n.split(".")[2] for n in imports(path) if n.startswith("recognition.api.")}
    assert taken <= set(SHARED)


def test_no_file_is_empty_or_a_drawer_for_odds_and_ends():
    found = [path for path in files("recognition") + files("facesite") if path.stem != "__init__"]
    assert not {path.stem for path in found} & {"utils", "helpers", "common"}
    assert [path for path in found if not path.read_text().strip()] == []
