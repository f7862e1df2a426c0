"""A call is answered within its client's deadline, whatever the store does: so long and no longer is the store waited for."""

import json
import logging
import math
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import event

from cds_service import deadline
from cds_service.deadline import Deadline, keeping
from cds_service.errors import StoreDown
from cds_service.store import database as database_module
from cds_service.store.backend import LEAST, SHARE, SHARE_OF_DURABLE, Purpose, share_of_the_call
from cds_service.store.database import Database
from cds_service.store.store import Store
from tests.store.place import LATER, Place, look
from tests.store.server import PostgreSQL
from tests.store.writer import AT, card, feedback
from tests.web.ehr import FEEDBACK, SERVICE, bearer, service
from tests.web.test_service import request_of

SHORT = 1.0
"""Seconds of a call in these tests."""
LOCKS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
input()
"""
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def call(seconds: float = SHORT) -> Deadline:
    return Deadline(time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("purpose", "share"),
    [(Purpose.READING, SHARE), (Purpose.WRITING, SHARE), (Purpose.OPENING, SHARE), (Purpose.DURABLE, SHARE_OF_DURABLE)],
)
def test_a_transaction_takes_a_part_of_what_is_left_of_its_call(purpose: Purpose, share: float) -> None:
    with keeping(call(100.0)):
        assert 0.9 * share * 100 < share_of_the_call(purpose).seconds_left <= share * 100
    with keeping(call(-1.0)):
        assert 0 < share_of_the_call(purpose).seconds_left <= LEAST
    assert share_of_the_call(purpose).seconds_left == math.inf


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    command = [sys.executable, "-c", LOCKS, place.address.removeprefix("sqlite:///")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "locked\n"
        yield
        writer.communicate("\n")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Place]:
    place = Place(f"sqlite:///{tmp_path}/store.sqlite")
    assert place.database().is_up()
    yield place
    for database in place.opened:
        database.close()


def waits(database: Database) -> list[float]:
    """Seconds that SQLite is told to wait for other writers, as it is told them."""
    told: list[float] = []

    def note(statement: str) -> None:
        if statement.startswith("PRAGMA busy_timeout = "):
            told.append(float(statement.rpartition(" ")[2]) / 1000)

    @event.listens_for(database._engine, "checkout")
    def listen(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(note)

    return told


def test_a_file_that_another_process_locks_is_waited_for_no_longer_than_the_call_allows(
    file: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(file.opened[0])
    told = waits(file.opened[0])
    with locked(file), keeping(call()), caplog.at_level(logging.INFO, "cds_service"):
        assert store.is_new("token", LATER, AT)
        assert not store.is_new("token", LATER, AT), "this process remembers it"
        assert store.audit(look(), [card(1, 0)]) == frozenset()
        with pytest.raises(StoreDown):
            feedback(store, 1, 0)
    assert caplog.messages.count("store_late") == 3
    assert "audit" in caplog.messages
    assert len(told) == 3
    assert all(seconds <= SHARE * SHORT for seconds in told[:2])
    assert told[2] <= SHARE_OF_DURABLE * SHORT
    assert sum(told) < SHORT
    feedback(store, 1, 0)
    assert store.is_up(), "it had too little time to be left alone for it"


def test_threads_that_wait_for_each_other_wait_no_longer_than_the_call_allows(file: Place) -> None:
    database = file.opened[0]
    writing, done = Event(), Event()

    def write() -> None:
        with database.writing():
            writing.set()
            done.wait(10)

    other = Thread(target=write)
    other.start()
    assert writing.wait(10)
    with keeping(call()):
        Store(database).audit(look())
        with pytest.raises(StoreDown):
            feedback(Store(database), 1, 0)
    done.set()
    other.join()
    feedback(Store(database), 1, 0)


def test_a_database_that_fails_in_fair_time_is_left_alone_and_one_that_had_less_is_not(
    file: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = file.opened[0]
    with locked(file):
        for fair, tried in ((10.0, True), (0.0, False)):
            monkeypatch.setattr(database_module, "FAIR_WAIT", fair)
            with keeping(call()), pytest.raises(StoreDown):
                feedback(Store(database), 1, 0)
            assert database._is_down is not tried
    with pytest.raises(StoreDown):
        feedback(Store(database), 1, 0)
    database._rest_until = 0.0
    feedback(Store(database), 1, 0)


@pytest.fixture
def server(postgresql: PostgreSQL) -> Iterator[PostgreSQL]:
    yield postgresql
    postgresql.resume()


@pytest.fixture
def place(server: PostgreSQL) -> Iterator[Place]:
    place = Place(server.new_database())
    assert place.database().is_up()
    yield place
    server.resume()
    for database in place.opened:
        database.close()


def bounds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that PostgreSQL's answers are waited for, as they are asked for."""
    from cds_service.store.bounded_connection import BoundedConnection

    given: list[float] = []
    bounded = BoundedConnection._bounded

    def note(self: BoundedConnection, answer: object, patience: float) -> object:
        given.append(patience)
        return bounded(self, answer, patience)  # type: ignore[arg-type]  # what it is given is handed on

    monkeypatch.setattr(BoundedConnection, "_bounded", note)
    return given


@pytest.mark.postgresql
def test_a_server_that_hangs_is_waited_for_no_longer_than_the_call_allows(
    server: PostgreSQL, place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(place.opened[0])
    given = bounds(monkeypatch)
    server.hang()
    with keeping(call()), caplog.at_level(logging.INFO, "cds_service"):
        assert store.is_new("token", LATER, AT)
        assert store.audit(look(), [card(1, 0)]) == frozenset()
        store.audit(look())
        with pytest.raises(StoreDown):
            feedback(store, 1, 0)
    assert "audit" in caplog.messages
    assert given
    assert given[0] <= SHARE * SHORT
    assert max(given) <= SHARE_OF_DURABLE * SHORT
    server.resume()
    database = place.opened[0]
    database._rest_until = 0.0
    feedback(store, 1, 0)


@pytest.mark.postgresql
def test_a_connection_that_a_hanging_server_does_not_take_is_given_up_and_closed_when_it_comes(
    server: PostgreSQL, place: Place
) -> None:
    database = place.opened[0]
    database.close()
    server.hang()
    with keeping(call()):
        Store(database).audit(look())
        with pytest.raises(StoreDown):
            feedback(Store(database), 1, 0)
    server.resume()
    database._rest_until = 0.0
    feedback(Store(database), 1, 0)
    for _ in range(100):
        if place.rows(OTHERS)[0][0] == 1:
            return
        time.sleep(0.1)
    raise AssertionError("a connection that came too late is still open")


@pytest.mark.postgresql
def test_a_call_is_answered_with_its_cards_while_the_server_hangs(
    server: PostgreSQL,
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = service(tmp_path, "deadline: 1.5", CDS_DATABASE_URL=place.address).test_client()
    body = request_of("sandbox-with-prefetch.json")
    whole = client.post(SERVICE, json=body, headers=bearer())
    given = bounds(monkeypatch)
    server.hang()
    with caplog.at_level(logging.INFO, "cds_service"):
        answer = client.post(SERVICE, json=body, headers=bearer())
        refused = client.post(FEEDBACK, json={"feedback": []}, headers=bearer(FEEDBACK))
    assert (answer.status_code, answer.data) == (200, whole.data)
    assert (refused.status_code, refused.headers["Retry-After"] != "") == (503, True)
    assert "audit" in caplog.messages
    assert max(given) <= SHARE_OF_DURABLE * 1.5
    assert deadline.current().seconds_left == math.inf


def test_a_call_keeps_the_deadline_of_its_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left: dict[str, float] = {}

    def noting(name: str, answer: object) -> object:
        def asked(*_: object) -> object:
            left[name] = deadline.current().seconds_left
            return answer

        return asked

    monkeypatch.setattr(Store, "is_new", noting("token", True))
    monkeypatch.setattr(Store, "audit", noting("audit", frozenset()))
    monkeypatch.setattr(Store, "keep_feedback", noting("feedback", None))
    monkeypatch.setattr(Store, "is_up", noting("probe", True))
    client = service(tmp_path, "deadline: 50").test_client()
    assert client.post(SERVICE, json=request_of("sandbox-with-prefetch.json"), headers=bearer()).status_code == 200
    assert client.post(FEEDBACK, json={"feedback": []}, headers=bearer(FEEDBACK)).status_code == 200
    assert json.loads(client.get("/readyz").data)["status"] == "ready"
    assert left.pop("probe") == math.inf
    assert left.keys() == {"token", "audit", "feedback"}
    assert all(10 < seconds < 50 for seconds in left.values())
