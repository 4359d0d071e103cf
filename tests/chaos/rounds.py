"""The rounds of chaos: strike, wait until the service is ready again, compare with the ledger."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.chaos.clients import GONE, Client, Ledger
from tests.servers import PostgresServer, RedisServer, Site

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
PEOPLE = ("obama", "biden", "astronaut")
RECOVERY = 60.0  # seconds in which the service must be ready again by itself
PATIENCE = 120.0  # seconds of traffic after the last strike
STRIKES_APART = 1.5  # seconds of traffic between two strikes
SEED = 20261125


class World:
    """The service with two workers, its PostgreSQL, its Redis, and clients that use it."""

    def __init__(self, folder: Path, networks: Path) -> None:
        self.chance = random.Random(SEED)
        self.ledger = Ledger()
        self.postgres = PostgresServer()
        (folder / "redis").mkdir()
        self.redis = RedisServer(folder / "redis")
        self.site = Site(
            folder / "site",
            networks,
            DATABASE_URL=self.postgres.create("chaos"),
            REDIS_URL=self.redis.url,
            WEB_CONCURRENCY="2",
            LOG_LEVEL="WARNING",
        ).start()
        self.photographs = {name: small(FIXTURES / f"{name}.jpg", folder) for name in PEOPLE}
        for name in PEOPLE:
            self.site.call("POST", "/galleries", json={"name": name}).raise_for_status()

    def clients(self) -> list[Client]:
        """Start a client for each person; the next person's face is a stranger's to it."""
        pairs = zip(PEOPLE, (*PEOPLE[1:], PEOPLE[0]), strict=True)
        started = [
            Client(self.site, self.ledger, name, (self.photographs[name], self.photographs[other]))
            for name, other in pairs
        ]
        for client in started:
            client.start()
        return started

    def close(self) -> None:
        self.site.stop()
        self.redis.kill()
        self.postgres.stop()

    # --- what strikes -------------------------------------------------------------------------

    def kill_a_worker(self) -> None:
        os.kill(self.chance.choice(self.site.workers()), signal.SIGKILL)

    def kill_all_workers(self) -> None:
        for worker in self.site.workers():
            os.kill(worker, signal.SIGKILL)

    def hang_redis(self) -> None:
        self.redis.hang()
        time.sleep(2)
        self.redis.resume()

    def restart_redis_empty(self) -> None:
        self.redis.kill()
        time.sleep(1)
        self.redis.start()

    def restart_postgres(self) -> None:
        """Stop PostgreSQL; while it is away the service must not call itself ready."""
        self.postgres.server.stop()
        time.sleep(0.5)
        if self.readiness() == 200:
            self.ledger.violations.append("ready is said while the database is away")
        self.postgres.server.start()

    def strikes(self) -> list[Callable[[], None]]:
        return [
            self.kill_a_worker,
            self.hang_redis,
            self.restart_redis_empty,
            self.restart_postgres,
            self.kill_all_workers,
        ]

    # --- what must hold afterwards -----------------------------------------------------------

    def readiness(self) -> int:
        """Return the status of /health/ready, 0 where nobody answers."""
        try:
            return int(self.site.call("GET", "/health/ready").status_code)
        except GONE:
            return 0

    def recovered(self) -> float:
        """Wait until both workers say ready; return the seconds it took."""
        started = time.monotonic()
        while time.monotonic() < started + RECOVERY:
            if len(self.site.workers()) == 2 and {self.readiness() for _ in range(6)} == {200}:
                return time.monotonic() - started
            time.sleep(0.2)
        self.ledger.violations.append(f"not ready {RECOVERY:.0f} s after the last strike")
        return RECOVERY

    def compare(self) -> None:
        """Note everybody who is missing, and everybody who is back."""
        listed = {user_id for name in PEOPLE for user_id in self.listed(name)}
        ledger = self.ledger
        with ledger.lock:
            missing = ledger.there - ledger.doubtful - listed
            back = ledger.erased & listed
            strange = listed - ledger.there - ledger.doubtful
            ledger.violations += [f"{one} was acknowledged and is missing" for one in missing]
            ledger.violations += [f"{one} was erased and is back" for one in back]
            ledger.violations += [f"{one} is there and was never registered" for one in strange]

    def listed(self, gallery: str) -> list[str]:
        found, page = [], 1
        while True:
            path = f"/users?gallery={gallery}&page_size=200&page={page}"
            answer = self.site.call("GET", path)
            answer.raise_for_status()
            found += [user["user_id"] for user in answer.json()["results"]]
            if answer.json()["next"] is None:
                return found
            page += 1


def run(folder: Path, networks: Path, *, rounds: int, registrations: int, erasures: int) -> Ledger:
    """Return what was acknowledged and found in ``rounds``, more where the numbers want more."""
    world = World(folder, networks)
    ledger, number = world.ledger, 0
    try:
        while number < rounds or not _enough(ledger, registrations, erasures):
            number += 1
            one_round(world, number, share=min(number, rounds) * registrations // rounds)
            if number >= 5 * rounds:
                ledger.violations.append("too little was acknowledged in five times the rounds")
                break
        look_back(world)
    finally:
        world.close()
    return ledger


def _enough(ledger: Ledger, registrations: int, erasures: int) -> bool:
    done = ledger.counts
    return (
        done["registrations acknowledged"] >= registrations
        and done["erasures acknowledged"] >= erasures
    )


def one_round(world: World, number: int, *, share: int) -> None:
    """Strike in every way, in an order of this round's own, under traffic; then compare.

    Traffic goes on until ``share`` registrations in all are acknowledged, or for ``PATIENCE``.
    """
    clients = world.clients()
    strikes = world.strikes()
    world.chance.shuffle(strikes)
    for strike in strikes:
        time.sleep(STRIKES_APART)
        strike()
    time.sleep(STRIKES_APART)
    seconds = world.recovered()
    ends = time.monotonic() + PATIENCE
    while world.ledger.counts["registrations acknowledged"] < share and time.monotonic() < ends:
        time.sleep(0.1)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(timeout=120)
    world.compare()
    said = ", ".join(f"{name} {count:,}" for name, count in sorted(world.ledger.counts.items()))
    names = ", ".join(strike.__name__.replace("_", " ") for strike in strikes)
    print(f"round {number}: {names}; ready after {seconds:.1f} s; {said}", flush=True)


def look_back(world: World) -> None:
    """Ask the chain of events whether it is whole, and the stores whether anything was left.

    A process that was killed may leave the key of somebody it never stored: that is mended first.
    """
    print(world.site.manage("erasure_check", "--mend"), flush=True)
    for command in ("erasure_check", "verify_audit"):
        try:
            print(world.site.manage(command), flush=True)
        except AssertionError as error:  # how a command's exit status is told
            world.ledger.violations.append(f"{command}: {error}")


def small(photograph: Path, folder: Path) -> Path:
    """Write a photograph small enough that the networks are not what limits the traffic."""
    path = folder / photograph.name
    with Image.open(photograph) as picture:
        picture.thumbnail((400, 400))
        picture.convert("RGB").save(path, "JPEG", quality=90)
    return path
