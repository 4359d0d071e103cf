"""Lists of pairs, of groups and of dates, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from recognition.errors import RecognitionError
from recognition.evaluation import lists

PEOPLE = ("Ann", "Jos\u00e9 Luis", "J. Lo Jr.", "7")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of four people, three photographs each: their names alone matter."""
    for person in PEOPLE:
        (tmp_path / person).mkdir()
        for number in (1, 2, 3):
            (tmp_path / person / f"{person}_{number:04}.jpg").touch()
    return tmp_path


@pytest.fixture
def read(folder: Path):
    """Return a function that reads a list of pairs of these people."""

    def read_it(text: str) -> lists.Pairs:
        listed = folder / "pairs.txt"
        listed.write_bytes(text.encode())
        return lists.read_pairs(listed, folder)

    return read_it


ENOUGH = "Ann 1 2\nAnn 1 3\nAnn 1 7 1\nAnn 2 7 1\n"


def test_with_folds_they_follow_each_other(read):
    found = read("2\t1\nAnn\t1\t2\nAnn\t1\t7\t1\nAnn\t2\t3\nAnn\t1\t7\t2\n")
    assert found.folds.tolist() == [0, 0, 1, 1] and found.same.tolist() == [True, False] * 2


def test_without_a_first_line_pairs_of_each_kind_are_dealt_out(read):
    found = read(ENOUGH)
    assert found.folds.tolist() == [0, 1, 0, 1]
    assert found.same.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "line",
    [
        "Jos\u00e9 Luis\t1\tJ. Lo Jr.\t2",
        "Jos\u00e9 Luis 1 J. Lo Jr. 2",
        "Jose\u0301 Luis 1 J. Lo Jr. 2",
    ],
)
def test_names_may_hold_blanks_accents_and_points(read, line):
    found = read(f"{ENOUGH}{line}\r\n")
    one, other = found.files[-1]
    assert (one.name, other.name) == ("Jos\u00e9 Luis_0001.jpg", "J. Lo Jr._0002.jpg")
    assert not found.same[-1]


@pytest.mark.parametrize("line", ["Jos\u00e9 Luis 1 2", "Ann\t1\tAnn\t2", "7 1 2"])
def test_two_photographs_of_one_name_are_of_one_person(read, line):
    assert read(ENOUGH + line).same[-1]


def test_a_byte_order_mark_and_returns_are_no_part_of_a_name(read):
    found = read("\ufeff" + ENOUGH.replace("\n", "\r\n\r\n"))
    assert found.people[0] == ("Ann", "Ann") and len(found.files) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no pair"),
        ("10 300\n" + ENOUGH, "6,000 together; 4 follow"),
        ("2\n", "holds no pair"),
        ("Ann one 2\n", "line 1: neither"),
        (ENOUGH + "Ann 1 2 3 4 5\n", "line 5: neither"),
        (ENOUGH + "Ann 8 9\nEve 1 2\n", "4 photographs of pairs.txt are not in"),
        ("1 2\n" + ENOUGH, "outside of fold 1 of 1"),
        ("Ann 1 2\nAnn 1 7 1\n", "outside of fold 1 of 1"),
        ("Ann 1 2\nAnn 1 3\nAnn 2 3\n", "no pairs of both kinds"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(read, text, said):
    with pytest.raises(RecognitionError) as refused:
        read(text)
    assert said in refused.value.detail


def test_a_list_in_another_encoding_is_refused(folder):
    (folder / "pairs.txt").write_bytes(b"Jos\xe9 1 2\n")
    with pytest.raises(RecognitionError) as refused:
        lists.read_pairs(folder / "pairs.txt", folder)
    assert "as text in UTF-8" in refused.value.detail


def test_dates_of_all_forms_are_years_apart(tmp_path):
    dates = tmp_path / "dates.csv"
    dates.write_text(
        "person/file,date\na/1,2004\na/2,2004-07\n\na/3,2004-07-15\na/4,2005-07-15\na/5, 2005 \n"
    )
    found = lists.read_dates(dates)
    assert found["a/4"] - found["a/3"] == pytest.approx(1)
    assert found["a/5"] - found["a/1"] == 1
    assert abs(found["a/1"] - found["a/2"]) < 0.1 and abs(found["a/2"] - found["a/3"]) < 0.1


@pytest.mark.parametrize("date", ["2004-13", "2004-02-30", "15.7.2004", "2004-W05-1", "0000", ""])
def test_a_date_that_is_none_is_refused_with_its_line(tmp_path, date):
    dates = tmp_path / "dates.csv"
    dates.write_text(f"a/1,2004\na/2,{date}\n")
    with pytest.raises(RecognitionError) as refused:
        lists.read_dates(dates)
    assert "dates.csv, line 2" in refused.value.detail


def test_a_first_line_with_a_wrong_date_is_no_heading(tmp_path):
    dates = tmp_path / "dates.csv"
    dates.write_text("a/1,2004/05/06\n")
    with pytest.raises(RecognitionError, match="dates.csv, line 1"):
        lists.read_dates(dates)


def test_groups_are_read_without_blanks_around(tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("person, side ,age\nann , left,\n\njoe,,old\neve\n")
    assert lists.read_groups(labels) == {"side": {"ann": "left"}, "age": {"joe": "old"}}


@pytest.mark.parametrize("text", ["", "person\nann\n"])
def test_groups_want_a_column_beside_the_persons(tmp_path, text):
    labels = tmp_path / "labels.csv"
    labels.write_text(text)
    with pytest.raises(RecognitionError) as refused:
        lists.read_groups(labels)
    assert "no column beside" in refused.value.detail


@pytest.mark.parametrize("read", [lists.read_groups, lists.read_dates])
def test_what_is_no_csv_is_refused_with_its_line(tmp_path, read):
    (tmp_path / "list.csv").write_text('person,side\nann,"left' + "\n" * 200_000)
    with pytest.raises(RecognitionError) as refused:
        read(tmp_path / "list.csv")
    assert "list.csv, line" in refused.value.detail
