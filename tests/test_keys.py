"""What the networks and the rate of a key may be."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from recognition.key_models import check_networks, check_rate, checked_networks


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("192.168.1.7", "192.168.1.7/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_networks_are_kept_in_one_spelling_and_once(written, kept):
    assert checked_networks([written, kept]) == [kept]


@pytest.mark.parametrize("written", ["", "office", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0", "\x00"])
def test_what_is_no_network_is_refused(written):
    with pytest.raises(ValidationError, match="no address or network"):
        checked_networks([written])


def test_an_address_with_a_wider_mask_is_refused_rather_than_widened():
    with pytest.raises(ValidationError, match=r"Write 10\.0\.0\.0/8 for the network"):
        checked_networks(["10.1.2.3/8"])


@pytest.mark.parametrize("value", ["10.0.0.0/8", [1], {}, [["10.0.0.0/8"]], ["x"]])
def test_networks_are_a_list_of_texts(value):
    with pytest.raises(ValidationError):
        check_networks(value)


def test_a_key_has_so_many_networks_at_most():
    assert len(checked_networks(f"10.0.0.{n}" for n in range(64))) == 64
    with pytest.raises(ValidationError, match="64 networks at most"):
        checked_networks(f"10.0.0.{n}" for n in range(65))


@pytest.mark.parametrize(
    "rate", ["0/m", "often", "5", "5/fortnight", "-1/m", "5/0s", "5/m ", "٣/m"]
)
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(ValidationError, match="no rate"):
        check_rate(rate)
