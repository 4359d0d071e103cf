"""What a 1:N search can be asked, wherever the templates lie."""

from __future__ import annotations

from typing import Protocol

from recognition.gallery.exact import Candidate
from recognition.pipeline.types import Floats


class Index(Protocol):
    """The people of one gallery who may be matched."""

    def __len__(self) -> int:
        """Return how many they are."""

    def search(
        self, probes: Floats, *, limit: int, floor: float = -1.0, near: float = 0.0
    ) -> list[list[Candidate]]:
        """Return for each of the (P, D) probes its ``limit`` most similar people, best first.

        Whoever is as similar as ``floor`` is found. Where nobody is, the nearest person is found
        who is at most ``near`` below it. Others are found by chance.
        """
