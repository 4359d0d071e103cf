"""The documents as tests read them: their headings, links, and blocks of code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s]+)\)")


def documents() -> list[Path]:
    """Return all documents, the README first."""
    beside = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
    return [*(ROOT / name for name in beside), *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a file of this repository, or to a heading."""

    document: Path
    text: str
    target: str

    @property
    def file(self) -> Path:
        path = self.target.partition("#")[0]
        return (self.document.parent / path).resolve() if path else self.document

    @property
    def anchor(self) -> str:
        return self.target.partition("#")[2]

    @property
    def function(self) -> str:
        """The name in code font that the text is, unless that names the file."""
        name = self.text.strip("`")
        is_name = self.text.startswith("`") and re.fullmatch(r"[\w.]+", name)
        return name if is_name and name not in (self.file.name, self.file.stem) else ""


def fences(document: Path) -> list[tuple[str, str]]:
    """Return language and content of each fenced block."""
    return FENCE.findall(document.read_text())


def prose(document: Path) -> str:
    """Return a document without its fenced blocks."""
    return FENCE.sub("", document.read_text())


def links(document: Path) -> list[Link]:
    """Return the links that lead to nobody else's place."""
    found = (Link(document, text, target) for text, target in LINK.findall(prose(document)))
    return [link for link in found if "://" not in link.target]


@cache
def anchors(document: Path) -> set[str]:
    """Return what headings are called in addresses, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(prose(document))
    }


@cache
def names_in(file: Path) -> set[str]:
    """Return what a file defines: functions, classes, ``Class.method``, module-level values."""
    if file.suffix == ".py":
        return set(_names(ast.parse(file.read_text()).body))
    if file.suffix == ".js":
        defined = r"^\s*(?:export )?(?:async )?(?:function|class|const|let) (\w+)"
        return set(re.findall(defined, file.read_text(), re.MULTILINE))
    return set(re.findall(r"[\w.]+", file.read_text()))


def _names(body: list[ast.stmt], prefix: str = "") -> list[str]:
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                found += _names(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            found += [prefix + t.id for t in node.targets if isinstance(t, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(prefix + node.target.id)
    return found
