"""The certificate that signs itself."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from facesite import tls


def loaded(files: tls.Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes())


@pytest.fixture
def files(tmp_path: Path) -> tls.Certificate:
    return tls.certificate_in(tmp_path / "tls")


def test_the_certificate_names_this_machine_and_its_addresses(files):
    names = loaded(files).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", socket.gethostname()} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert {"127.0.0.1", "::1", *tls.lan_addresses()} == addresses


def test_the_certificate_lasts_as_long_as_browsers_take_it(files):
    ends = loaded(files).not_valid_after_utc - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=824) < ends <= dt.timedelta(days=825)


def test_the_key_is_for_its_owner_alone(files):
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.key.parent.stat().st_mode) == 0o700


def test_a_second_start_keeps_the_certificate(files):
    before = files.certificate.read_bytes()
    assert tls.certificate_in(files.key.parent) == files
    assert files.certificate.read_bytes() == before


def test_a_certificate_that_ends_is_made_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(tls, "LIFETIME", dt.timedelta(days=3))
    before = loaded(tls.certificate_in(tmp_path))
    monkeypatch.undo()
    after = loaded(tls.certificate_in(tmp_path))
    assert after.not_valid_after_utc - before.not_valid_after_utc > dt.timedelta(days=800)


@pytest.mark.parametrize("broken", ["certificate", "key"])
@pytest.mark.parametrize("content", [None, b""], ids=["another's", "empty"])
def test_a_certificate_that_lost_its_other_half_is_made_anew(files, tmp_path, broken, content):
    another = tls.certificate_in(tmp_path / "another")
    spoilt: Path = getattr(files, broken)
    spoilt.write_bytes(getattr(another, broken).read_bytes() if content is None else content)
    tls.certificate_in(files.key.parent)
    ssl.create_default_context().load_cert_chain(files.certificate, files.key)


def test_addresses_of_the_network_are_not_loopback():
    assert not [address for address in tls.lan_addresses() if address.startswith("127.")]
