"""The Makefile on machines that lack something, with a Python that only notes how it is called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("Makefile", "pyproject.toml", "constraints.txt", "facesite/install.py")
COPIED += (".ci/run", ".ci/packages")
TOOLS = ("cat", "cp", "find", "make", "mkdir", "rm", "sed", "sh", "touch")
CI_TOOLS = ("bash", "dirname", "env", "grep", "mktemp", "tail", "tee")

# Notes its arguments; makes an "environment" of copies of itself; fails while a file says so.
FAKE_PYTHON = """#!/bin/sh
echo "${0##*/} $*" >> "$NOTES/calls"
case "$*" in
    *ensurepip*) test ! -e "$NOTES/${0##*/}.unsuitable" ;;
    "-m venv"*)
        for folder in "$@"; do :; done
        mkdir -p "$folder/bin" && touch "$folder/pyvenv.cfg"
        cp "$0" "$folder/bin/python" && cp "$0" "$folder/bin/pip" ;;
    "-m facesite.install"*) test ! -e "$NOTES/no-network" ;;
esac
"""


# Installs nothing: the Python that was unsuitable is suitable afterwards.
FAKE_APT = """#!/bin/sh
echo "apt-get $*" >> "$NOTES/calls"
rm -f "$NOTES"/*.unsuitable
"""


class Machine:
    """A checkout's Makefile on a machine with a few tools and the given Pythons."""

    def __init__(self, folder: Path, *pythons: str) -> None:
        self.checkout, self.bin, self.notes = (folder / name for name in ("site", "bin", "notes"))
        for made in (self.checkout / "facesite", self.checkout / ".ci", self.bin, self.notes):
            made.mkdir(parents=True)
        for name in COPIED:
            shutil.copy(ROOT / name, self.checkout / name)
        self.give(*TOOLS)
        for python in pythons:
            self.write(python, FAKE_PYTHON)

    def give(self, *tools: str) -> None:
        for tool in tools:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))

    def write(self, program: str, text: str) -> None:
        (self.bin / program).write_text(text)
        (self.bin / program).chmod(0o755)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "NOTES": str(self.notes)}
        return subprocess.run(
            command, cwd=self.checkout, env=environment, capture_output=True, text=True, check=False
        )

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("make", "--no-print-directory", *arguments)

    def say(self, note: str) -> None:
        (self.notes / note).touch()

    def take_back(self, note: str) -> None:
        (self.notes / note).unlink()

    def calls(self, part: str) -> list[str]:
        """Return the calls of any Python with ``part`` in them."""
        notes = self.notes / "calls"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [line for line in lines if part in line]


def test_make_alone_lists_the_targets(tmp_path):
    shown = Machine(tmp_path).make().stdout
    for target in ("install", "run", "test", "check", "format", "bench", "prepare", "clean"):
        assert f"make {target}\t" in shown


@pytest.mark.parametrize("pythons", [(), ("python3",), ("python3.11", "python3")])
def test_run_without_a_fitting_python_says_what_to_install_in_one_sentence(tmp_path, pythons):
    machine = Machine(tmp_path, *pythons)
    for python in pythons:
        machine.say(f"{python}.unsuitable")
    done = machine.make("run")
    said = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert done.returncode != 0
    assert len(said) == 1
    assert "Python 3.11" in said[0] and "apt install python3-venv" in said[0]
    assert not (machine.checkout / ".venv").exists()


def test_install_takes_the_first_python_that_fits(tmp_path):
    machine = Machine(tmp_path, "python3.12", "python3.11", "python3")
    machine.say("python3.12.unsuitable")
    assert machine.make("install").returncode == 0
    assert machine.calls("-m venv") == ["python3.11 -m venv .venv"]


def test_install_takes_the_python_it_is_told(tmp_path):
    machine = Machine(tmp_path, "python3.13", "mine")
    machine.make("install", "PYTHON=mine")
    assert machine.calls("-m venv") == ["mine -m venv .venv"]


def test_install_goes_into_the_folder_it_is_told(tmp_path):
    machine = Machine(tmp_path, "python3")
    assert machine.make("install", f"VENV={tmp_path}/elsewhere").returncode == 0
    assert (tmp_path / "elsewhere" / "pyvenv.cfg").exists()


def test_install_does_nothing_the_second_time(tmp_path):
    machine = Machine(tmp_path, "python3")
    machine.make("install")
    machine.make("install")
    assert len(machine.calls("-m facesite.install")) == 1


def test_install_goes_on_after_an_interruption(tmp_path):
    machine = Machine(tmp_path, "python3")
    machine.say("no-network")
    assert machine.make("install").returncode != 0
    machine.take_back("no-network")
    assert machine.make("install").returncode == 0
    assert len(machine.calls("-m facesite.install")) == 2
    assert len(machine.calls("-m venv")) == 1


def test_install_runs_again_when_the_requirements_change(tmp_path):
    machine = Machine(tmp_path, "python3")
    machine.make("install")
    later = (machine.checkout / ".venv" / ".installed-convert").stat().st_mtime + 10
    os.utime(machine.checkout / "constraints.txt", (later, later))
    machine.make("install")
    assert len(machine.calls("-m facesite.install")) == 2


def test_install_makes_an_environment_anew_whose_python_is_gone(tmp_path):
    machine = Machine(tmp_path, "python3")
    machine.make("install")
    (machine.checkout / ".venv" / "bin" / "python").unlink()
    assert machine.make("install").returncode == 0
    assert machine.calls("-m venv")[1:] == ["python3 -m venv --clear .venv"]
    assert len(machine.calls("-m facesite.install")) == 2


def test_install_keeps_what_lies_in_a_folder_that_is_no_environment(tmp_path):
    machine = Machine(tmp_path, "python3")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    machine.make("install", f"VENV={tmp_path}/mine")
    machine.make("install", f"VENV={tmp_path}/mine", "EXTRAS=")
    assert (tmp_path / "mine" / "letter.txt").exists()


def test_run_installs_prepares_then_serves(tmp_path):
    machine = Machine(tmp_path, "python3")
    assert machine.make("run").returncode == 0
    steps = [line.split(" ", 1)[1] for line in machine.calls("python ")]
    wanted = ["-m facesite.install convert", "manage.py prepare", "manage.py serve"]
    assert [step for step in steps if step in wanted] == wanted


def test_test_installs_what_tests_need_then_runs_them(tmp_path):
    machine = Machine(tmp_path, "python3")
    assert machine.make("test", "ARGS=-k nothing").returncode == 0
    assert machine.calls("facesite.install") == ["python -m facesite.install convert test"]
    assert machine.calls("-m pytest")[0].endswith("-k nothing")


def test_clean_removes_the_environment_and_keeps_the_data(tmp_path):
    machine = Machine(tmp_path, "python3")
    machine.make("install")
    (machine.checkout / "var").mkdir()
    assert machine.make("clean").returncode == 0
    assert not (machine.checkout / ".venv").exists()
    assert (machine.checkout / "var").exists()


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """Return a machine of root's whose Python wants a package, with apt."""
    machine = Machine(tmp_path, "python3")
    machine.say("python3.unsuitable")
    machine.give(*CI_TOOLS)
    machine.write("apt-get", FAKE_APT)
    machine.write("id", "#!/bin/sh\necho 0\n")
    return machine


def test_ci_installs_what_is_missing_then_checks_then_tests(bare):
    done = bare.run("bash", ".ci/run")
    assert done.returncode == 0, done.stderr
    calls = [line for line in bare.calls("") if "ensurepip" not in line]
    steps = ["update", "install --yes", "-m venv", "facesite.install", "-m ruff check", "-m pytest"]
    places = [next(i for i, line in enumerate(calls) if step in line) for step in steps]
    assert places == sorted(places)
    assert "python3-venv" in calls[1]


def test_ci_without_apt_names_what_is_missing(bare):
    (bare.bin / "apt-get").unlink()
    done = bare.run("bash", ".ci/run")
    assert done.returncode == 1
    assert "python3-venv" in done.stderr and not bare.calls("-m venv")


def test_test_without_apt_says_what_it_cannot_run_and_goes_on(bare):
    (bare.bin / "apt-get").unlink()
    bare.take_back("python3.unsuitable")
    done = bare.make("test")
    assert done.returncode == 0 and bare.calls("-m pytest")
    assert "NOT TESTED" in done.stderr and "chromium" in done.stderr


def test_ci_fails_when_a_test_was_skipped(bare):
    skipping = (
        FAKE_PYTHON + 'case "$*" in *pytest*) echo "== 3 passed, 1 skipped in 1s ==" ;; esac\n'
    )
    bare.write("python3", skipping)
    assert bare.run("bash", ".ci/run").returncode == 1


def test_ci_ends_with_the_summary_of_the_tests(bare):
    bare.write("python3", FAKE_PYTHON + 'case "$*" in *pytest*) echo "== 4 passed ==" ;; esac\n')
    done = bare.run("bash", ".ci/run")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "== 4 passed ==")
