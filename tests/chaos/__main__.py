"""Drive real traffic through gunicorn, PostgreSQL and Redis while all of them are struck.

``python -m tests.chaos`` (ten rounds, at least 2,000 registrations and 200 erasures acknowledged)
prints what was done and found; exit status 1 if an acknowledged registration is missing, an erased
face came back, a wrong name was given, or the service did not recover by itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos.rounds import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--registrations", type=int, default=2000, help="at least so many in all")
    parser.add_argument("--erasures", type=int, default=200, help="at least so many in all")
    parser.add_argument("--networks", type=Path, help="the folder of the converted networks")
    chosen = parser.parse_args()
    networks = chosen.networks or Path("var/networks")
    with tempfile.TemporaryDirectory(prefix="facesite-chaos-") as folder:
        ledger = run(
            Path(folder),
            networks.resolve(),
            rounds=chosen.rounds,
            registrations=chosen.registrations,
            erasures=chosen.erasures,
        )
    for violation in ledger.violations:
        print("VIOLATION:", violation)
    print(f"{len(ledger.violations)} violations.")
    return 1 if ledger.violations else 0


if __name__ == "__main__":
    sys.exit(main())
