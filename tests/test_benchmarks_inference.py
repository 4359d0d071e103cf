"""``python -m benchmarks.inference``: arrangements are called as asked, and told in a table."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.inference import ARRANGEMENTS, Arrangement, Caller, Found, table


@pytest.mark.parametrize("arrangement", ARRANGEMENTS, ids=lambda each: each.name)
def test_a_call_does_the_work_of_so_many_requests(networks_dir, arrangement: Arrangement):
    work = [("mtcnn-onet", [np.zeros((2, 3, 48, 48), np.float32)])]
    latency, rate, cpu = Caller(networks_dir, work, arrangement)((1, 3, 0.0))
    assert min(latency, rate, cpu) > 0
    assert rate <= 3 * 1000 / latency  # three requests in one call


def test_the_table_has_a_line_for_each_arrangement_and_stars_what_was_disturbed():
    found = [Found("mtcnn-onet", "one session", 1, 1, 2.0, 500.0, 2.0, 0.0)]
    found += [Found("mtcnn-onet", "one session", 2, 1, 4.0, 499.0, 4.0, 0.5)]
    lines = [" ".join(line.split()) for line in table(found).splitlines()]
    assert lines[1:] == ["MTCNN-ONET", "one session 2.00 500.0/s 4.00 499.0/s*"]
