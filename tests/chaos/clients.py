"""Clients that register, erase and identify all the time, and remember what was acknowledged."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.servers import Site

GONE = (requests.ConnectionError, requests.Timeout)
PAUSE = 0.05  # seconds after which a client that got no answer goes on
BUSY = {429, 499, 500, 502, 503}  # said to be unable; what it did is not known


@dataclass
class Ledger:
    """What the service has acknowledged, and every answer that contradicts it."""

    there: set[str] = field(default_factory=set)  # registered, 201
    erased: set[str] = field(default_factory=set)  # unregistered, 200
    doubtful: set[str] = field(default_factory=set)  # no answer, or none that tells
    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, user_id: str, act: str, answer: requests.Response | None) -> None:
        """Write down what an answer to ``act`` on ``user_id`` says, None for no answer."""
        with self.lock:
            if answer is None or answer.status_code in BUSY:
                self.counts[f"{act}: no answer or unable"] += 1
                self.doubtful.add(user_id)
            elif act == "register" and answer.status_code == 201:
                self.counts["registrations acknowledged"] += 1
                self.there.add(user_id)
            elif act == "erase" and answer.status_code == 200:
                self.counts["erasures acknowledged"] += 1
                self.there.discard(user_id)
                self.erased.add(user_id)
            elif act == "erase" and answer.status_code == 404 and user_id in self.doubtful:
                self.there.discard(user_id)
            else:
                self.violations.append(f"{act} {user_id}: {answer.status_code} {answer.text[:200]}")


class Client(threading.Thread):
    """One client: registers a face of ``person`` under new ids, erases one in seven, identifies.

    ``person`` stands in every id, so a name of somebody else is seen at once. Each client has a
    gallery of its own, so that it knows what may be named.
    """

    def __init__(self, site: Site, ledger: Ledger, person: str, photographs: tuple[Path, Path]):
        super().__init__(daemon=True)
        self.site, self.ledger, self.person = site, ledger, person
        self.photograph, self.other = photographs
        self.stopping = threading.Event()
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = site.key

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            user_id = f"{self.person}-{uuid.uuid4().hex[:12]}"
            self.register(user_id)
            if number % 7 == 0:
                self.erase(user_id)
            if number % 5 == 0:
                self.identify()

    def register(self, user_id: str) -> None:
        sent = self._send("POST", "/register", self.photograph, user_id=user_id)
        self.ledger.note(user_id, "register", sent)

    def erase(self, user_id: str) -> None:
        with self.ledger.lock:
            if user_id not in self.ledger.there:
                return
            # Until the answer is there nobody knows.
            self.ledger.doubtful.add(user_id)
        sent = self._send("DELETE", f"/unregister/{user_id}")
        self.ledger.note(user_id, "erase", sent)

    def identify(self) -> None:
        """Ask who is in both photographs; nobody erased before the question may be named."""
        for photograph in (self.photograph, self.other):
            with self.ledger.lock:
                erased = set(self.ledger.erased)
            sent = self._send("POST", "/identify", photograph, limit="50")
            if sent is None or sent.status_code != 200:
                continue
            named = {match["user_id"] for match in sent.json()["matches"]}
            with self.ledger.lock:
                self.ledger.counts["identifications answered"] += 1
                for user_id in named & erased:
                    self.ledger.violations.append(f"{user_id} is named after its erasure")
                for user_id in named:
                    if photograph is self.other or not user_id.startswith(self.person):
                        self.ledger.violations.append(f"{user_id} is named for somebody else")

    def _send(
        self, method: str, path: str, photograph: Path | None = None, **fields: str
    ) -> requests.Response | None:
        address = f"{self.site.url}{path}"
        fields["gallery"] = self.person
        try:
            if photograph is None:
                return self.session.request(method, address, params=fields, timeout=60)
            files = {"file": (photograph.name, photograph.read_bytes())}
            return self.session.request(method, address, data=fields, files=files, timeout=60)
        except GONE:
            time.sleep(PAUSE)
            return None
