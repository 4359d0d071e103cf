"""Every link of the documents leads to a file, heading or function that is there."""

from __future__ import annotations

import re

import pytest

from tests.docs.documents import ROOT, anchors, documents, links, names_in, prose

DESIGN = ROOT / "docs" / "design.md"
MOST_WORDS = 150
TREES = "recognition|facesite|tests|docs|benchmarks|deploy|static|templates"
PATH = re.compile(rf"`((?:{TREES})/[\w./-]+)`")
EXAMPLES = ("matchable", "arcface")  # what CONTRIBUTING has somebody make
EACH = pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)


def answers() -> dict[str, str]:
    """Return each question of docs/design.md with its answer."""
    parts = re.split(r"^##(#?) (.+)\n", prose(DESIGN), flags=re.MULTILINE)
    rows = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return {heading: text for is_question, heading, text in rows if is_question}


@EACH
def test_links_lead_to_files_that_are_there(document):
    assert [link.target for link in links(document) if not link.file.exists()] == []


@EACH
def test_links_lead_to_headings_that_are_there(document):
    wanted = [link for link in links(document) if link.anchor]
    assert [link.target for link in wanted if link.anchor not in anchors(link.file)] == []


@EACH
def test_links_name_functions_that_are_in_the_file(document):
    named = [link for link in links(document) if link.function and link.file.is_file()]
    wrong = [link for link in named if link.function not in names_in(link.file)]
    assert [(link.function, link.target) for link in wrong] == []


@EACH
def test_paths_in_code_font_are_there(document):
    found = [p for p in PATH.findall(prose(document)) if not any(e in p for e in EXAMPLES)]
    assert [path for path in found if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("question", answers())
def test_an_answer_is_short_and_links_a_function(question):
    text = answers()[question]
    words = re.sub(r"\]\([^)]*\)", "]", re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)).split()
    assert len(words) <= MOST_WORDS
    assert any(link.function for link in links(DESIGN) if f"[{link.text}]({link.target})" in text)
