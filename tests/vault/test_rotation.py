"""After ``rotate_keys`` the copy in Redis is another one, under the new master key."""

from __future__ import annotations

import pytest

from recognition import runtime
from recognition.gallery.cache import TemplateCache
from recognition.gallery.follow import CopyLostError
from recognition.models import Subject
from recognition.sealing import SealBrokenError
from recognition.vault import master
from tests.commands.conftest import run


@pytest.fixture
def copy(own_vault, on_redis, gallery, register) -> TemplateCache:
    """Return the copy in a real Redis, in which somebody is."""
    register("barack", "obama")
    runtime.publish()
    return runtime.template_cache()


def sealed(redis) -> dict[bytes, bytes]:
    """Return the blocks in Redis by their keys."""
    return {key: redis.get(key) for key in redis.scan_iter() if redis.type(key) == b"string"}


def held(copy: TemplateCache) -> list[int]:
    _, blocks = copy.load()
    return [number for block in blocks for number in block.numbers.tolist()]


def test_after_a_rotation_no_block_of_before_is_left_in_redis(copy, on_redis):
    before = sealed(on_redis.client())
    assert len(before) == 1 and held(copy) == [Subject.objects.get().number]
    assert run("rotate_keys").status == 0
    after = sealed(on_redis.client())
    assert before.keys() == after.keys() and not set(before.values()) & set(after.values())
    assert held(copy) == [Subject.objects.get().number]


def test_the_former_master_key_opens_nothing_in_redis(copy, own_vault, on_redis):
    old = sealed(on_redis.client())
    run("rotate_keys")
    former = master.parse((own_vault / "master.key.former").read_text())
    copy._secret = lambda epoch: former.derived(f"templates in Redis {epoch}")
    name = next(iter(old)).decode().removeprefix(f"{copy._prefix}:")
    epoch, found = copy._sealed(on_redis.client(), [name])
    with pytest.raises(SealBrokenError):
        copy._opened(name, found[name], epoch)


def test_what_was_in_redis_before_is_not_read_any_more(copy, on_redis):
    redis, [(key, block)] = on_redis.client(), sealed(on_redis.client()).items()
    hashed = redis.hgetall(copy._copy)
    run("rotate_keys")
    redis.set(key, block)  # as a replica that lags behind, or a dump, would bring it back
    redis.hset(copy._copy, mapping=hashed)
    _, blocks = copy.load()
    with pytest.raises(CopyLostError):
        list(blocks)
    assert not on_redis.client().exists(copy._copy)
