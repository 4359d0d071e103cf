"""The API against its own description, by requests that schemathesis makes up."""

from __future__ import annotations

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS, load_all_checks

from tests.conftest import FIXTURES

EXAMPLES = 30  # of each call
PICTURES = [(FIXTURES / name).read_bytes() for name in ("obama2.jpg", "biden.jpg")]

schemathesis.openapi.format("binary", st.one_of(st.sampled_from(PICTURES), st.binary(max_size=99)))
schema = schemathesis.openapi.from_wsgi("/schema/", get_wsgi_application())
load_all_checks()
CHECKED = {check.__name__: check for check in CHECKS.get_all()}
# What a description cannot say is refused as well: face and box at once, bytes that are no picture.
LEFT_OUT = [CHECKED["positive_data_acceptance"]]
# Forms hold texts alone: 0 is false, and what is empty is not sent.
LEFT_OUT_OF_FORMS = [*LEFT_OUT, CHECKED["negative_data_rejection"]]


@pytest.fixture
def key(make_key, gallery) -> str:
    return make_key("register", "verify", "identify", "read", "delete")


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_api_keeps_to_its_description(case, key):
    left_out = LEFT_OUT if case.media_type == "application/json" else LEFT_OUT_OF_FORMS
    case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=left_out)
