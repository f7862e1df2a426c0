"""The store in a file: private, whole on a full disk, and used again when its folder is back."""

import logging
import sqlite3
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import event

from cds_service.errors import SettingsError, StoreDown
from cds_service.store import database as database_module
from cds_service.store.database import Database, existing
from cds_service.store.store import Store
from tests.store.place import LATER, look
from tests.store.writer import AT, ITEMS, card, feedback


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/store.sqlite"


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "store.sqlite")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_new_store_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    assert Database(url(tmp_path)).is_up()
    assert [path.stat().st_mode & 0o077 for path in tmp_path.iterdir()] == [0] * len(list(tmp_path.iterdir()))


def test_a_report_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        existing(url(tmp_path))
    assert list(tmp_path.iterdir()) == []


def fill_the_disk(store: Database) -> None:
    """No page can be added to the file any more, as on a full disk."""

    @event.listens_for(store._engine, "connect")
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    store.close()


def test_a_full_disk_refuses_feedback_whole_and_answers_the_rest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(url(tmp_path))
    store = Store(database)
    feedback(store, 1, 0)
    fill_the_disk(database)
    with pytest.raises(StoreDown):
        for number in range(1, 500):
            feedback(store, 1, number)
    assert len(rows(tmp_path, "SELECT 1 FROM feedback")) % ITEMS == 0
    assert not store.is_up()
    database._rest_until = 0.0
    assert not store.is_up(), "it can be read, but nothing can be written"
    database._rest_until = 0.0
    with caplog.at_level(logging.INFO, "cds_service"):
        for _ in range(200):  # the last page has room for some
            store.audit(look())
    assert "audit" in caplog.messages
    assert store.is_new("token", LATER, AT)
    assert not store.is_new("token", LATER, AT), "this process still remembers it"
    assert store.audit(look(), [card(1, 0)]) == frozenset()


def connections_taken(database: Database) -> list[object]:
    """Those that transactions take from the pool from now on."""
    taken: list[object] = []

    @event.listens_for(database._engine, "checkout")
    def note(connection: object, *_: object) -> None:
        taken.append(connection)

    return taken


def test_threads_write_one_after_the_other_over_one_connection_and_lose_nothing(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    assert database.is_up()
    taken = connections_taken(database)

    def write(thread: int) -> None:
        for number in range(20):
            feedback(Store(database), thread, number)
            Store(database).audit(look())

    threads = [Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert rows(tmp_path, "SELECT count(*) FROM audit") == [(4 * 20,)]
    assert len(rows(tmp_path, "SELECT 1 FROM feedback")) == 4 * 20 * ITEMS


def test_a_write_that_fails_leaves_nothing_behind_and_the_next_one_is_kept(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    store = Store(database)
    store.audit(look())
    taken = connections_taken(database)
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM audit")
        raise ZeroDivisionError
    store.audit(look())
    assert len(taken) == 1, "the connection on which it failed was given back"
    assert rows(tmp_path, "SELECT count(*) FROM audit") == [(2,)]


def test_a_store_that_is_closed_leaves_no_connection_open(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    Store(database).audit(look())
    database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["store.sqlite"], "SQLite removes its log with the last connection"
    Store(database).audit(look())
    assert rows(tmp_path, "SELECT count(*) FROM audit") == [(2,)]


def test_a_store_that_recovers_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "REST", 0.0)
    folder = tmp_path / "mounted-later"
    database = Database(url(folder))
    assert not database.is_up()
    folder.mkdir()
    assert database.is_up()
    feedback(Store(database), 1, 0)
    assert len(rows(folder, "SELECT 1 FROM feedback")) == ITEMS


def test_a_store_that_is_down_is_not_asked_again_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "mounted-later"
    database = Database(url(folder))
    assert not database.is_up()
    folder.mkdir()
    assert not database.is_up(), "left alone for some seconds"


def test_a_file_that_is_no_database_is_a_store_that_is_down(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"not a database, but long enough to be read as one" * 100)
    assert not Database(url(tmp_path)).is_up()
