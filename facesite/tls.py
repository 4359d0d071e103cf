"""A certificate of our own, so that https works at once: browsers want it for the webcam.

It signs itself, so a browser asks once whether to trust it. A real one belongs into a proxy.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import socket
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Source: support.apple.com/103769, the longest that Apple's systems accept.
LIFETIME = dt.timedelta(days=825)
RENEWED_BEFORE = dt.timedelta(days=7)  # no browser shall meet it on its last day
SIOCGIFADDR = 0x8915  # Source: linux/sockios.h, "get PA address"


class Certificate(NamedTuple):
    """Where the PEM files lie."""

    certificate: Path
    key: Path


def certificate_in(folder: Path) -> Certificate:
    """Return the certificate kept in ``folder``, made (or made anew when it ends) if need be."""
    files = Certificate(folder / "certificate.pem", folder / "key.pem")
    if not _is_valid(files):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(files)
    return files


def lan_addresses() -> list[str]:
    """Return this machine's IPv4 addresses, loopback left out, as others on the network see it."""
    found = set()
    for _, interface in socket.if_nameindex():
        found.add(_address_of(interface))
    try:
        found.update(socket.gethostbyname_ex(socket.gethostname())[2])
    except OSError:
        found.discard("")  # a host name nobody can look up adds nothing
    return sorted(address for address in found if address and not address.startswith("127."))


def _address_of(interface: str) -> str:
    """Return the IPv4 address of ``interface``, "" when it has none (or cannot be asked)."""
    try:
        import fcntl  # not on every system

        request = interface.encode()[:15].ljust(256, b"\0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            answer = fcntl.ioctl(asked.fileno(), SIOCGIFADDR, request)
    except (ImportError, OSError):
        return ""
    return socket.inet_ntoa(answer[20:24])


def _is_valid(files: Certificate) -> bool:
    """Return whether both files are there, belong together and have not ended."""
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return False
    ends = certificate.not_valid_after_utc - RENEWED_BEFORE
    return certificate.public_key() == key.public_key() and dt.datetime.now(dt.UTC) < ends


def _make(files: Certificate) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Facesite")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))  # a client's clock may be behind
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(files.key, private, mode=0o600)
    _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _names() -> list[x509.GeneralName]:
    """Return what a browser may call this machine: its names and its addresses."""
    host = socket.gethostname()
    names = dict.fromkeys(["localhost", host, f"{host.split('.')[0]}.local"])
    addresses = ["127.0.0.1", "::1", *lan_addresses()]
    return [
        *(x509.DNSName(name) for name in names if name.isascii()),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
    ]


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Put ``content`` in place whole, never readable by more than ``mode`` says."""
    own = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    own.replace(path)
