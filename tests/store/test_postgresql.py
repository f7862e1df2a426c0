"""PostgreSQL stopped, hung or out of reach costs a call a moment and nothing that was acknowledged."""

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import psycopg
import pytest

from cds_service.errors import SettingsError, StoreDown
from cds_service.store import database as database_module
from cds_service.store.backend import Patience
from cds_service.store.database import Database
from cds_service.store.postgresql import TABLES_LOCK
from cds_service.store.store import Store
from tests.store.place import LATER, Place, look
from tests.store.server import PostgreSQL
from tests.store.writer import AT, ITEMS, card, feedback

pytestmark = pytest.mark.postgresql


@pytest.fixture
def server(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgreSQL]:
    """The server, running before and after; a store that failed is asked again at once."""
    monkeypatch.setattr(database_module, "REST", 0.0)
    yield postgresql
    postgresql.resume()
    postgresql.start()


@pytest.fixture
def place(server: PostgreSQL) -> Iterator[Place]:
    place = Place(server.new_database())
    yield place
    for database in place.opened:
        database.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_stop_loses_nothing_acknowledged_and_the_store_is_used_again(server: PostgreSQL, place: Place, mode: str) -> None:
    store = Store(place.database())
    feedback(store, 1, 0)
    server.stop(mode)
    with pytest.raises(StoreDown):
        feedback(store, 1, 1)
    assert not store.is_up()
    assert store.is_new("token", LATER, AT)
    assert not store.is_new("token", LATER, AT), "this process still remembers it"
    assert store.audit(look(), [card(1, 0)]) == frozenset()
    server.start()
    feedback(store, 1, 2)
    assert store.is_up()
    kept = {str(row[0]) for row in place.rows("SELECT card FROM feedback")}
    assert kept == {card(1, number * ITEMS + item) for number in (0, 2) for item in range(ITEMS)}


def test_a_restart_between_two_calls_is_not_noticed(server: PostgreSQL, place: Place) -> None:
    store = Store(place.database())
    feedback(store, 1, 0)
    server.stop()
    server.start()
    feedback(store, 1, 1)


def test_a_server_that_hangs_is_given_up(server: PostgreSQL, place: Place) -> None:
    database = place.database()
    store = Store(database)
    feedback(store, 1, 0)
    server.hang()
    with pytest.raises(StoreDown):
        feedback(store, 1, 1)
    assert not store.is_up()
    store.audit(look())
    server.resume()
    assert store.is_up(), "though nobody has called since"
    assert place.rows("SELECT count(*) FROM seen_token") == [(0,)], "nothing of the trial stays"
    feedback(store, 1, 1)


def test_a_server_that_takes_no_writes_is_down_until_it_does(server: PostgreSQL, place: Place) -> None:
    """As after a failover to a standby that is not promoted yet."""
    name = place.address.rpartition("/")[2]
    store = Store(place.database())
    feedback(store, 1, 0)
    place.change(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    standby = Store(place.database())
    with pytest.raises(StoreDown):
        feedback(standby, 1, 1)
    assert not standby.is_up(), "it can be read, but nothing can be written"
    with psycopg.connect(place.address, options="-c default_transaction_read_only=off", autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
        of_ours = "datname = current_database() AND pid <> pg_backend_pid()"
        other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {of_ours}".encode())
    assert standby.is_up()


class Silence:
    """A server that takes connections and never says a word, as behind a firewall that lost its way."""

    def __init__(self) -> None:
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        Thread(target=self._take, daemon=True).start()

    @property
    def address(self) -> str:
        return f"postgresql://cds@127.0.0.1:{self._listening.getsockname()[1]}/cds"

    def _take(self) -> None:
        while True:
            try:
                self._taken.append(self._listening.accept()[0])
            except OSError:
                return
            self.connections += 1

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._taken:
            connection.close()


def test_a_silent_database_is_tried_by_one_call_and_the_others_are_answered_without_it() -> None:
    silence = Silence()
    store = Store(Database(silence.address))
    assert not store.is_up()
    assert silence.connections == 1
    with ThreadPoolExecutor(8) as calls:
        assert all(calls.map(lambda number: store.is_new(f"token-{number}", LATER, AT), range(50)))
    assert silence.connections == 1, "left alone"
    silence.close()


def test_after_the_rest_one_call_at_a_time_tries() -> None:
    silence = Silence()
    database = Database(silence.address)
    assert not database.is_up()
    database._rest_until = 0.0
    with ThreadPoolExecutor(8) as calls:
        assert not any(calls.map(lambda _: database.is_up(), range(8)))
    assert silence.connections == 2
    silence.close()


def test_a_name_that_is_not_known_is_a_store_that_is_down() -> None:
    assert not Database("postgresql://cds@nowhere.invalid/cds").is_up()


def test_a_lock_that_is_never_given_up_is_not_waited_for(server: PostgreSQL, place: Place) -> None:
    store = Store(place.database())
    assert store.is_up()
    with psycopg.connect(place.address) as other:
        other.execute("LOCK TABLE feedback")
        with pytest.raises(StoreDown):
            feedback(store, 1, 0)
    feedback(store, 1, 0)


def test_a_service_waits_for_a_migration_under_way_no_longer_than_it_must(server: PostgreSQL, place: Place) -> None:
    with psycopg.connect(place.address) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [TABLES_LOCK])
        impatient = Database(place.address, Patience(0.5, 0.5))
        assert not impatient.is_up()
    assert impatient.is_up()
    impatient.close()


def test_what_the_address_asks_for_reaches_the_server(server: PostgreSQL, place: Place) -> None:
    database = Database(f"{place.address}?application_name=cds-ward-7&options=-c%20work_mem%3D1MB")
    with database.reading() as connection:
        said = [
            connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("application_name", "work_mem", "statement_timeout")
        ]
    assert said == ["cds-ward-7", "1MB", "2s"]
    database.close()


def test_a_commit_is_on_disk_before_it_is_told_however_the_server_is_set_up(server: PostgreSQL, place: Place) -> None:
    """With synchronous_commit=off a server that crashes loses what it has said to be committed a moment before."""
    name = place.address.rpartition("/")[2]
    place.change(f"ALTER DATABASE {name} SET synchronous_commit = off")
    assert place.rows("SHOW synchronous_commit") == [("off",)]
    database = place.database()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def test_without_the_driver_the_fix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"pip install 'cds-service\[postgresql\]'"):
        Database("postgresql://cds@127.0.0.1/cds")
