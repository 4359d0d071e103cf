"""Contestants in processes of their own, so that nobody's threads or memory are another's."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from types import MappingProxyType
from typing import Any

READY = "ready"
#: What Facesite sets for itself in a server (recognition/__init__.py), before numpy reads it.
AS_SERVED = MappingProxyType({"OPENBLAS_NUM_THREADS": "1"})


class Contestant(AbstractContextManager["Contestant"]):
    """Calls ``make(*arguments)`` in a new process, then what that returned on each ``ask``.

    ``settings`` are added to that process's environment.
    """

    def __init__(
        self,
        make: Callable[..., Callable[[Any], Any]],
        *arguments: Any,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(
            target=_answer, args=(other_end, make, arguments), daemon=True
        )
        with _added(settings):
            self._process.start()
        other_end.close()  # else its death would not be noticed here
        self._pipe.recv()

    def ask(self, *arguments: Any) -> list[Any]:
        """Return what the contestant answers to each of the arguments, one after the other."""
        self._pipe.send(arguments)
        answers: list[Any] = self._pipe.recv()
        return answers

    def __exit__(self, *exception: object) -> None:
        self._pipe.close()
        self._process.join(timeout=10)
        self._process.kill()


def become_facesite(environment: Mapping[str, str]) -> None:
    """Make this process, which must be a new one, a Facesite with that environment alone."""
    os.environ.clear()
    os.environ.update(environment)
    import django

    django.setup()


@contextmanager
def _added(settings: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _answer(
    pipe: Connection, make: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]
) -> None:
    act = make(*arguments)
    pipe.send(READY)
    while True:
        try:
            asked = pipe.recv()
        except EOFError:  # the other end was closed: that is all
            return
        pipe.send([act(argument) for argument in asked])
