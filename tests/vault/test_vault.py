"""Keys of people: made once, wrapped by the master key, gone when destroyed."""

from __future__ import annotations

import stat
import threading
from sqlite3 import connect

import pytest
from django.db import Error as DatabaseError

from recognition import vault
from recognition.errors import RecognitionError
from recognition.models import Reference, random_number
from recognition.sealing import SealBrokenError, label, new_key, seal, unseal
from recognition.services.erasure import empty_what_is_owed
from recognition.vault import master, rotation
from recognition.vault.master import Ring
from recognition.vault.store import KeyStore, emptied_log


@pytest.fixture
def number(own_vault) -> int:
    number = random_number()
    vault.made_keys([number])
    return number


def test_what_was_sealed_is_opened_by_its_key_and_label_alone():
    key, named = new_key(), label("crop", 1, "dlib-resnet-v1")
    sealed = seal(key, b"a face", named)
    assert unseal(key, sealed, named) == b"a face"
    for other in ((new_key(), sealed, named), (key, sealed, b"x"), (key, sealed[:-1], named)):
        with pytest.raises(SealBrokenError):
            unseal(*other)


def test_a_key_is_made_once(number):
    assert vault.made_keys([number])[number] == vault.key_of(number)
    assert vault.keys().count() == 1


def test_keys_lie_wrapped(number, own_vault):
    stored = b"".join(path.read_bytes() for path in own_vault.glob("keys.sqlite3*"))
    assert vault.key_of(number) not in stored


def test_the_master_key_is_for_this_user_alone(number, own_vault):
    assert stat.S_IMODE((own_vault / "master.key").stat().st_mode) == 0o600


def test_a_destroyed_key_leaves_no_byte(number, own_vault):
    wrapped = vault.keys().read([number])[number]
    assert vault.keys().destroy([number]) == 1
    stored = b"".join(path.read_bytes() for path in own_vault.glob("keys.sqlite3*"))
    assert wrapped[8:40] not in stored
    with pytest.raises(RecognitionError):
        vault.key_of(number)


def test_a_key_destroyed_while_somebody_reads_leaves_no_byte_a_bit_later(number, own_vault):
    wrapped = vault.keys().read([number])[number]
    reader = connect(own_vault / "keys.sqlite3", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM facesite_key").fetchall()
    vault.keys().destroy([number])
    reader.execute("COMMIT")
    empty_what_is_owed()
    stored = b"".join(path.read_bytes() for path in own_vault.glob("keys.sqlite3*"))
    assert wrapped[8:40] not in stored


def test_keys_are_replaced_as_a_whole_or_not_at_all(number):
    keys, before = vault.keys(), vault.keys().read([number])
    with pytest.raises(DatabaseError):
        keys.replace({number: b"new", number + 1: [b"no bytes"]})
    assert keys.read([number]) == before
    keys.replace({number: b"new"})  # the connection is in no transaction any more
    assert keys.read([number]) == {number: b"new"}


def test_a_wrapped_key_cannot_be_given_to_somebody_else(number, caplog):
    wrapped = vault.keys().read([number])[number]
    vault.keys().add({number + 1: wrapped})
    assert vault.keys_of([number + 1]) == {}
    assert "cannot be opened" in caplog.text


def test_a_master_key_that_is_gone_is_not_replaced(number, own_vault):
    (own_vault / "master.key").unlink()
    with pytest.raises(RecognitionError, match="master key is gone"):
        vault.ring()


@pytest.mark.parametrize("content", [b"", b"nonsense!", b"\xff\xfe"])
def test_a_master_key_in_which_somebody_wrote_is_told(number, own_vault, content):
    (own_vault / "master.key").write_bytes(content)
    with pytest.raises(RecognitionError, match="cannot be used") as refusal:
        vault.key_of(number)
    assert refusal.value.code == "not_ready" and "your copy" in refusal.value.hint


def test_rotating_keeps_the_keys_and_drops_the_old_master_key(number, own_vault):
    before, old = vault.key_of(number), vault.ring()
    assert rotation.rotate() == 1
    assert vault.key_of(number) == before
    with pytest.raises(SealBrokenError):
        old.unwrap(vault.keys().read([number])[number], number)


def test_a_rotation_that_was_interrupted_is_taken_up_again(number, own_vault):
    before = vault.key_of(number)
    master.write(own_vault / "master.key", Ring((new_key(), *vault.ring().keys)))
    rotation.rotate()
    assert vault.key_of(number) == before
    assert len(vault.ring().keys) == 1


@pytest.mark.parametrize("text", ["", "x", "YWJj", "not base64!"])
def test_a_wrong_master_key_is_refused(text):
    with pytest.raises(ValueError):
        master.parse(text)


def test_keys_may_lie_in_postgresql(db, postgres):
    import environ

    store = KeyStore(environ.Env.db_url_config(postgres.create("facesite_keys")))
    store.add({1: b"one", 2**62: b"two"})
    store.add({1: b"another"})
    store.replace({1: b"new"})
    assert store.read([1, 5]) == {1: b"new"}
    assert [*store.pages()] == [{1: b"new", 2**62: b"two"}]
    assert (store.destroy([1]), store.count()) == (1, 1)
    store.note(["first", "second"])
    assert store.noted() == ["first", "second"]
    store.close()


def test_the_former_master_key_is_left_for_earlier_backups(number, own_vault):
    before = vault.ring()
    rotation.rotate()
    assert master.parse((own_vault / "master.key.former").read_text()) == before


def test_rotating_leaves_no_key_wrapped_by_the_former_one(number, own_vault):
    wrapped = vault.keys().read([number])[number]
    rotation.rotate()
    stored = b"".join(path.read_bytes() for path in own_vault.glob("keys.sqlite3*"))
    assert wrapped not in stored


def test_rotations_go_one_after_the_other(tmp_path):
    second = threading.Event()

    def enter() -> None:
        with rotation.alone(tmp_path / "master.key"):
            second.set()

    with rotation.alone(tmp_path / "master.key"):
        thread = threading.Thread(target=enter)
        thread.start()
        assert not second.wait(0.2)
    thread.join(5)
    assert second.is_set()


def test_a_reader_keeps_the_log_from_being_emptied_for_a_moment_only(tmp_path):
    one, other = (connect(tmp_path / "some.sqlite3", isolation_level=None) for _ in "12")
    one.execute("PRAGMA journal_mode = wal")
    one.execute("CREATE TABLE face (name)")
    other.execute("BEGIN")
    other.execute("SELECT * FROM face").fetchall()
    one.execute("INSERT INTO face VALUES ('ada')")
    assert not emptied_log(one.cursor())
    other.execute("COMMIT")
    assert emptied_log(one.cursor())
    assert (tmp_path / "some.sqlite3-wal").stat().st_size == 0
    assert one.execute("PRAGMA busy_timeout").fetchone() == (5000,)  # as Python's module sets it


@pytest.mark.parametrize("sealed", ["sealed_embedding", "sealed_crop", "sealed_context"])
def test_what_is_of_one_photograph_is_not_opened_as_another_ones(register, sealed):
    register("barack", "obama", "obama2")
    one, other = Reference.objects.all()
    key = vault.key_of(one.subject.number)
    setattr(other, sealed, getattr(one, sealed))
    opened = getattr(other, sealed.replace("sealed", "open"))
    with pytest.raises(SealBrokenError):
        opened(key)
