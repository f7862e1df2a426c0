"""Two services on one PostgreSQL server are one: what one has seen the other knows; and what both do while it is down."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
import requests

from tests.store.place import Place
from tests.store.server import PostgreSQL, free_port
from tests.web.ehr import DISCOVERY, FEEDBACK, ISS, KEYS, PUBLIC, SERVICE, token

pytestmark = pytest.mark.postgresql
CALL = json.loads(Path("fhir_fixtures/requests/without-fhir-server.json").read_text(encoding="utf-8"))


def fresh(path: str) -> str:
    now = int(time.time())
    return token(path, iat=now, exp=now + 300)


class Replica:
    """A service process, called over HTTP."""

    def __init__(self, folder: Path, address: str) -> None:
        port = free_port()
        self._base = f"http://127.0.0.1:{port}"
        settings = {
            "CDS_PORT": str(port),
            "CDS_CLIENTS": str(folder / "clients.yaml"),
            "CDS_PUBLIC_URL": PUBLIC,
            "CDS_HASH_KEY": "k" * 32,
            "CDS_DATABASE_URL": address,
            "CDS_RATE_LIMIT": "100000 per minute",
        }
        command = [sys.executable, "-m", "cds_service", "serve"]
        self._log = (folder / f"{port}.log").open("w")
        self._process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=self._log, stderr=self._log)

    def get(self, path: str, bearer: str = "") -> requests.Response:
        return requests.get(self._base + path, headers={"Authorization": f"Bearer {bearer}"}, timeout=60)

    def post(self, path: str, body: object, bearer: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {bearer or fresh(path)}"}
        return requests.post(self._base + path, json=body, headers=headers, timeout=60)

    def cards(self) -> list[str]:
        answer = self.post(SERVICE, CALL)
        assert answer.status_code == 200
        return [card["uuid"] for card in answer.json()["cards"]]

    def ready(self) -> str:
        status: str = self.get("/readyz").json()["status"]
        return status

    def wait(self) -> None:
        """Until it answers."""
        while self._process.poll() is None:
            with suppress(requests.ConnectionError):
                self.get("/healthz")
                return
            time.sleep(0.1)
        raise AssertionError("the service ended at its start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()


Two = tuple[Replica, Replica]


@pytest.fixture(scope="module")
def place(postgresql: PostgreSQL) -> Place:
    return Place(postgresql.new_database())


@pytest.fixture(scope="module")
def services(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("two")
    (folder / "keys.json").write_text(KEYS, encoding="utf-8")
    (folder / "clients.yaml").write_text(f"clients:\n  - iss: {ISS}\n    jwks: keys.json\n", encoding="utf-8")
    both = (Replica(folder, place.address), Replica(folder, place.address))
    try:
        for one in both:
            one.wait()
        yield both
    finally:
        for one in both:
            one.stop()


def overridden(card: str, reason: str = "not-now") -> object:
    coded = {"reason": {"code": reason, "system": "https://any.example"}}
    at = datetime.now(UTC).isoformat()
    return {"feedback": [{"card": card, "outcome": "overridden", "outcomeTimestamp": at, "overrideReason": coded}]}


def test_a_token_that_one_has_seen_is_refused_by_the_other(services: Two) -> None:
    one, other = services
    bearer = fresh(DISCOVERY)
    assert one.get(DISCOVERY, bearer).status_code == 200
    assert other.get(DISCOVERY, bearer).status_code == 401


def test_a_card_overridden_at_one_stays_away_at_the_other(services: Two) -> None:
    one, other = services
    first, *rest = one.cards()
    assert other.cards() == [first, *rest], "the same evidence makes the same cards everywhere"
    assert one.post(FEEDBACK, overridden(first)).status_code == 200
    assert other.cards() == rest


def test_the_database_stops_and_starts_under_load(services: Two, postgresql: PostgreSQL, place: Place) -> None:
    """Every call is answered, feedback is kept or refused, and what was acknowledged is there afterwards."""
    over = Event()

    def fire(one: Replica) -> list[int]:
        answered = []
        while not over.is_set():
            answered.append(one.post(SERVICE, CALL).status_code)
        return answered

    def tell(one: Replica) -> list[tuple[str, int]]:
        told = []
        while not over.is_set():
            card = str(uuid4())
            told.append((card, one.post(FEEDBACK, overridden(card)).status_code))
        return told

    def until_all_are(status: str) -> None:
        while not all(one.ready() == status for one in services):
            time.sleep(0.1)

    with ThreadPoolExecutor(4) as load:
        calls = [load.submit(fire, one) for one in services]
        feedback = [load.submit(tell, one) for one in services]
        try:
            until_all_are("ready")
            postgresql.stop("immediate")
            until_all_are("degraded")
            refused = services[0].post(FEEDBACK, overridden(str(uuid4())))
            postgresql.start()
            until_all_are("ready")
        finally:
            over.set()
            postgresql.start()
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert {status for call in calls for status in call.result()} == {200}
    told = dict(item for one in feedback for item in one.result())
    assert set(told.values()) == {200, 503}
    kept = {str(row[0]) for row in place.rows("SELECT card FROM feedback")}
    assert {card for card, status in told.items() if status == 200} <= kept
