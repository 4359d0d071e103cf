"""The newest hash of the chain of events, told to a syslog: another machine's, at best."""

from __future__ import annotations

import logging
import socket
from typing import Any

from django.conf import settings

log = logging.getLogger(__name__)

SECURITY_NOTICE = 10 * 8 + 5  # authpriv, notice. Source: RFC 5424, section 6.2.1


def tell(text: str) -> None:
    """Send one line to ``AUDIT_SYSLOG``: a socket of this machine, or ``host:port`` by UDP."""
    address = settings.AUDIT_SYSLOG
    if not address:
        return
    host, _, port = address.rpartition(":")
    target: Any = address
    try:
        if address.startswith("/"):
            family = socket.AF_UNIX
        else:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM)[0]
            family, target = found[0], found[4]
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.sendto(f"<{SECURITY_NOTICE}>facesite: {text}".encode(), target)
    except OSError as error:  # the file has it, and the next head tells of this one, too
        log.error("audit: %s was not told the head: %s", address, error)
