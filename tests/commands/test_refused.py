"""How commands are refused: one line that says what is wrong, exit status 2, no traceback."""

from __future__ import annotations

import pytest

from recognition import vault
from recognition.models import Subject


@pytest.mark.parametrize("name", ["backup", "export"])
def test_a_file_in_no_folder_is_named(command, tmp_path, name):
    ran = command(name, tmp_path / "none" / "file")
    assert ran.status == 2 and "none/file: No such file or directory." in ran.stderr


@pytest.mark.parametrize("name", ["backup", "export"])
def test_a_file_that_is_there_is_left(command, tmp_path, name):
    (tmp_path / "file").write_text("mine")
    ran = command(name, tmp_path / "file")
    assert ran.status == 2 and "is there already" in ran.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_that_is_not_there_is_named_before_a_key_is_asked_for(command, tmp_path):
    ran = command("import", tmp_path / "none")
    assert ran.status == 2 and "No such file or directory" in ran.stderr


@pytest.mark.parametrize(("key", "said"), [("a", "is no key"), ("YQ==", "read with this key")])
def test_a_wrong_key_is_told_apart_from_a_wrong_file(command, tmp_path, monkeypatch, key, said):
    command("export", tmp_path / "people")
    monkeypatch.setenv("FACESITE_IMPORT_KEY", key)
    ran = command("import", tmp_path / "people")
    assert ran.status == 2 and said in ran.stderr


@pytest.mark.parametrize("name", ["measure_thresholds", "measure_quality", "measure_references"])
def test_a_folder_that_is_not_there_measures_nothing(command, tmp_path, name):
    ran = command(name, tmp_path / "none")
    assert ran.status == 2 and "none" in ran.stderr


def test_where_nothing_can_be_written_no_threshold_is_measured(command, people, tmp_path):
    output = tmp_path / "none" / "ours.json"
    ran = command("measure_thresholds", people({"a": ["obama"]}), "--output", output)
    assert ran.status == 2 and "none is no folder" in ran.stderr


def test_few_people_do_not_tell_what_several_photographs_are_worth(command, people):
    ran = command("measure_references", people({"a": ["obama", "obama2"]}))
    assert ran.status == 2 and "1 people are too few" in ran.stderr


def test_what_mending_cannot_mend_is_said(own_vault, command, register):
    register("barack", "obama")
    vault.keys().destroy([Subject.objects.get().number])
    for arguments in ([], ["--mend"]):
        ran = command("erasure_check", *arguments)
        assert ran.status == 1 and "Put the right keys back" in ran.stderr
        assert "--mend erases it" not in ran.stderr
    command("unregister", "barack")
    assert "cannot be read: 0" in command("erasure_check").stdout


@pytest.mark.parametrize("act", ["list", "steps"])
def test_a_review_without_anything_says_so(command, act):
    ran = command("review", act)
    assert (ran.status, ran.stdout) == (0, "") and "There is nothing." in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["unregister", "nobody"],
        ["unregister", "no body"],
        ["unregister", "nobody", "--gallery", "none"],
        ["review", "merge", "7"],
    ],
)
def test_a_remedy_speaks_of_no_call(command, arguments):
    ran = command(*arguments)
    assert ran.status == 2
    assert not any(word in ran.stderr for word in ("GET ", "POST ", "/api/", "`errors`"))
