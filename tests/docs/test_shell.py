"""The shell blocks of the documents, run as a reader pastes them, beside a real service."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Photos
from tests.docs.documents import ROOT, documents, fences
from tests.servers import Site

# A block of these is not run: they are not here, or install and test the whole.
ELSEWHERE = {"docker", "make", "sudo"}
# Blocks in these would be passed over unseen.
OTHER_SHELLS = {"", "bash", "console", "shell", "zsh"}
OWN = {"var", ".venv", ".env"}  # which a reader has, and this checkout has otherwise or not
# A refusal ends the block, as a command that fails does.
PRELUDE = 'set -e\ncurl() { command curl --silent --show-error --fail-with-body "$@"; }\n'


def programs(block: str) -> set[str]:
    """Return the first word of each command of a block, lines that go on joined."""
    lines = block.replace("\\\n", " ").splitlines()
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def shell(document: Path) -> list[str]:
    return [block for language, block in fences(document) if language == "sh"]


def to_run(document: Path) -> list[str]:
    return [block for block in shell(document) if not programs(block) & ELSEWHERE]


README, *REST = documents()
EACH = pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
OTHERS = [document for document in REST if to_run(document)]


@dataclass(frozen=True)
class Terminal:
    """A reader's terminal, in a folder like the repository with a service running."""

    folder: Path
    site: Site

    def paste(self, blocks: list[str]) -> subprocess.CompletedProcess[str]:
        text = PRELUDE + "\n".join(blocks)
        text = text.replace("http://127.0.0.1:8000", self.site.url)
        text = re.sub(r"^KEY=\.\.\.", f"KEY={self.site.key}", text, flags=re.MULTILINE)
        return subprocess.run(
            ["sh", "-x"],
            input=text,
            cwd=self.folder,
            env=self.site.environment,
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def terminal(
    tmp_path_factory: pytest.TempPathFactory, networks_dir: Path, photos: Photos
) -> Iterator[Terminal]:
    """Return a terminal of a service that somebody was erased from."""
    folder = tmp_path_factory.mktemp("reader")
    site = Site(folder / "var", networks_dir).start()
    assert site.post_photo("/register", photos.astronaut, user_id="gone").status_code == 201
    assert site.call("DELETE", "/unregister/gone").status_code == 200
    for there in ROOT.iterdir():
        if there.name not in OWN:
            (folder / there.name).symlink_to(there)
    (folder / ".venv").symlink_to(sys.prefix)
    for user_id, photo in (("joe", photos.biden), ("eileen", photos.astronaut)):
        (folder / "PEOPLE" / user_id).mkdir(parents=True)
        shutil.copy(photo, folder / "PEOPLE" / user_id)
    yield Terminal(folder, site)
    site.stop()


@EACH
def test_every_block_has_a_language_that_says_whether_it_runs(document):
    marks = re.findall(r"^ *```", document.read_text(), re.MULTILINE)
    found = [language for language, _ in fences(document)]
    assert len(marks) == 2 * len(found) and not set(found) & OTHER_SHELLS


@EACH
def test_a_block_runs_here_or_elsewhere_as_a_whole(document):
    for block in shell(document):
        assert not programs(block) & ELSEWHERE or programs(block) <= ELSEWHERE, block


@EACH
def test_every_block_can_be_parsed_where_it_is_not_run(document):
    for block in shell(document):
        read = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True)
        assert read.returncode == 0, read.stderr + block


def test_the_blocks_of_the_readme_say_what_it_promises(terminal):
    done = terminal.paste(to_run(README))
    assert done.returncode == 0, done.stdout + done.stderr
    told = ['"verified":true', '"status":"match"', '"status":"unknown"', "barack: verified"]
    places = [done.stdout.index(part) for part in told]
    assert places == sorted(places)


@pytest.mark.parametrize("document", OTHERS, ids=lambda path: path.name)
def test_the_blocks_of_other_documents_run(terminal, document):
    done = terminal.paste(to_run(document))
    assert done.returncode == 0, done.stdout + done.stderr
