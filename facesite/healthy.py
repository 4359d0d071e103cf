"""Exit with 0 when the service on this machine answers ``/health``: the image's HEALTHCHECK.

``python -m facesite.healthy``; only the standard library, so that it starts in milliseconds.
"""

from __future__ import annotations

import os
import ssl
import sys
import urllib.request

SECONDS = 4.0


def main() -> int:
    """Return 0 for an answer of 200, else 1."""
    try:
        with urllib.request.urlopen(address(), timeout=SECONDS, context=own()) as answer:  # noqa: S310  # our own address
            return 0 if answer.status == 200 else 1
    except OSError as error:
        print(f"{address()}: {error}", file=sys.stderr)
        return 1


def address() -> str:
    """Return the address of ``/health`` by the settings' names TLS and PORT."""
    tls = os.environ.get("TLS", "").lower() in {"1", "on", "ok", "true", "y", "yes"}
    return f"{'https' if tls else 'http'}://127.0.0.1:{os.environ.get('PORT', '8000')}/health"


def own() -> ssl.SSLContext:
    """Return a context that takes our own certificate: nothing secret is sent or believed."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


if __name__ == "__main__":
    sys.exit(main())
