"""The database behind the store: SQLite with a write-ahead log by default, brought up to date by Alembic when it is opened.

While it fails it is left alone for some seconds, so that no answer to an EHR waits for it twice.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from cds_service import logs
from cds_service.errors import SettingsError, StoreDown

HEAD = "0001"
"""The newest migration, known here so that an up-to-date database is opened without loading Alembic."""
REST = 5.0
WAIT_FOR_LOCK = 2_000
"""Milliseconds that one process waits for another to finish writing."""
WAIT_FOR_OPENING = 15_000
"""Milliseconds to wait while another process creates or updates the tables."""
MIGRATIONS = Path(__file__).with_name("migrations")


class Database:
    """Transactions; raises StoreDown, and nothing else, where the database cannot do its work."""

    def __init__(self, url: str) -> None:
        """Raises: SettingsError."""
        self._engine = _engine(_checked(url))
        self._migrated = False
        self._opening = Lock()
        self._writer = Lock()  # threads wait here for their turn; only processes meet in the database
        self._rest_until = 0.0
        self._last_write_failed = False

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Connection]:
        """One transaction, done whole or not at all. `durable`: it outlasts a loss of power, not only of this process.

        Raises: StoreDown.
        """
        with self._writer:
            try:
                with self._transaction("BEGIN IMMEDIATE", "FULL" if durable else "NORMAL") as connection:
                    yield connection
            except StoreDown:
                self._last_write_failed = True
                raise
            self._last_write_failed = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Raises: StoreDown."""
        with self._transaction("BEGIN", "NORMAL") as connection:
            yield connection

    def is_up(self) -> bool:
        """Whether it can be read, and took what was last written: a full disk can still be read."""
        try:
            with self.reading() as connection:
                connection.execute(sa.select(1))
        except StoreDown:
            return False
        return not self._last_write_failed

    def close(self) -> None:
        """Leave no connection open; the next transaction opens one anew. A process that forks calls this before."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, begin: str, synchronous: str) -> Iterator[Connection]:
        if time.monotonic() < self._rest_until:
            raise StoreDown("the store is down; what must be kept cannot be kept now")
        try:
            self._migrate()
            options = {"begin": begin, "synchronous": synchronous}
            with self._engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, OSError) as error:
            self._rest_until = time.monotonic() + REST
            kind = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
            logs.event("store_down", level=40, kind=kind)
            raise StoreDown("the store is down; what must be kept cannot be kept now") from error

    def _migrate(self) -> None:
        """Once per process: create or update the tables; two processes at once do it one after the other."""
        if self._migrated:
            return
        _create_privately(self._engine.url)
        options = {"begin": "BEGIN IMMEDIATE", "synchronous": "FULL", "wait": WAIT_FOR_OPENING}
        with self._opening:
            with self._engine.connect().execution_options(**options) as connection, connection.begin():
                if _revision(connection) != HEAD:
                    _upgrade(connection)
            self._engine.dispose()  # the patience of this connection is for opening alone
            self._migrated = True


def existing(url: str) -> Database:
    """The store that a service wrote; none is made by asking it. Raises: SettingsError."""
    parsed = _checked(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
        raise SettingsError("CDS_STORE names a file that does not exist: is it the service's?")
    return Database(url)


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError(
            "CDS_STORE must be a database address such as sqlite:////var/lib/cds-service/store.sqlite"
        ) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise SettingsError("CDS_STORE must name a file: what is kept must outlast the process")
    return parsed


class _RawCursor(Protocol):
    def execute(self, statement: str) -> object: ...


class _RawConnection(Protocol):
    isolation_level: str | None

    def cursor(self) -> _RawCursor: ...


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": WAIT_FOR_LOCK / 1000}, pool_timeout=WAIT_FOR_LOCK / 1000)

    @event.listens_for(engine, "connect")
    def prepare(connection: _RawConnection, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own
        cursor = connection.cursor()
        _write_ahead(cursor)
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA busy_timeout = {WAIT_FOR_LOCK}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if "wait" in options:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {options['wait']}")
        connection.exec_driver_sql(f"PRAGMA synchronous = {options['synchronous']}")
        connection.exec_driver_sql(options["begin"])

    return engine


def _write_ahead(cursor: _RawCursor) -> None:
    """Switch to the write-ahead log. While another process does the same, SQLite says "busy" at once, whatever its timeout."""
    patience = time.monotonic() + WAIT_FOR_OPENING / 1000
    cursor.execute(f"PRAGMA busy_timeout = {WAIT_FOR_OPENING}")
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)
        else:
            return


def _create_privately(url: URL) -> None:
    """A new SQLite file is readable by its owner alone."""
    if url.get_backend_name() == "sqlite" and url.database is not None:
        Path(url.database).touch(mode=0o600)


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise OSError("the store was made by a newer version of this program") from error
