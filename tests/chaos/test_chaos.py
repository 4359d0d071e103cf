"""Chaos in a short form: nothing acknowledged is lost, nothing erased comes back."""

from __future__ import annotations

import pytest

from tests.chaos.rounds import run


@pytest.mark.slow
def test_nothing_is_lost_and_nobody_comes_back(tmp_path, networks_dir):
    ledger = run(tmp_path, networks_dir, rounds=1, registrations=50, erasures=5)
    assert ledger.violations == []
    assert ledger.counts["identifications answered"] > 10
