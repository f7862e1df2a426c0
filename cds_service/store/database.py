"""The database behind the store: SQLite by default, PostgreSQL for several machines, brought up to date when it is opened.

While it fails it is left alone: one call in some seconds tries whether it is back, and the others are answered without it.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import TIMEOUT_MAX, Lock

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from cds_service import deadline, logs, metrics, tracing
from cds_service.errors import SettingsError, StoreDown
from cds_service.store import postgresql, sqlite
from cds_service.store.backend import OF_A_CALL, OF_AN_OPERATOR, PURPOSE, Patience, Purpose, share_of_the_call
from cds_service.store.migrating import HEAD, revision, upgrade

REST = 5.0
FAIR_WAIT = 0.5
"""Seconds: a database that had less is not left alone for it; the call goes on without it."""
BACKENDS = {"sqlite": sqlite.BACKEND, "postgresql": postgresql.BACKEND}
_DOWN = "the store is down; what must be kept cannot be kept now"


class Database:
    """Transactions; raises StoreDown, and nothing else, where the database cannot do its work."""

    def __init__(self, address: str, patience: Patience = OF_A_CALL) -> None:
        """Raises: SettingsError."""
        url = _checked(address)
        backend = BACKENDS[url.get_backend_name()]
        self._engine = backend.engine(url, patience)
        self._migrated = False
        self._opening = Lock()
        self._writer = _Writer(self._engine) if backend.one_writer else None
        self._asking = Lock()
        self._is_down = False
        self._rest_until = 0.0
        self.last_write_failed = False

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Connection]:
        """One transaction, done whole or not at all. `durable`: it outlasts a loss of power, not only of this process.

        Raises: StoreDown.
        """
        purpose = Purpose.DURABLE if durable else Purpose.WRITING
        with deadline.keeping(share_of_the_call(purpose)), nullcontext() if self._writer is None else _held(self._writer.turn):
            try:
                with self._transaction(purpose) as connection:
                    yield connection
            except StoreDown:
                self.last_write_failed = True
                raise
            self.last_write_failed = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Raises: StoreDown."""
        with deadline.keeping(share_of_the_call(Purpose.READING)), self._transaction(Purpose.READING) as connection:
            yield connection

    def is_up(self) -> bool:
        """Whether it can be read. A full disk can be, and takes nothing: see `last_write_failed`."""
        try:
            with self.reading() as connection:
                connection.execute(sa.select(1))
        except StoreDown:
            return False
        return True

    def revision(self) -> str | None:
        """The migration at which its tables are, as they are found; None without tables. Raises: StoreDown."""
        with self._guarded(), self._begun(Purpose.READING) as connection:
            return revision(connection)

    def migrate(self) -> None:
        """Create or update the tables; processes that do it at once do it one after the other. Raises: StoreDown."""
        with self._guarded():
            self._migrate()

    def close(self) -> None:
        """Leave no connection open; the next transaction opens one anew. A process that forks calls this before."""
        if self._writer is not None:
            with self._writer.turn:
                self._writer.close()
        self._engine.dispose()

    @contextmanager
    def _transaction(self, purpose: Purpose) -> Iterator[Connection]:
        with self._guarded(), tracing.span("store", purpose=purpose.value):
            self._migrate()
            with self._begun(purpose) as connection:
                yield connection

    @contextmanager
    def _begun(self, purpose: Purpose) -> Iterator[Connection]:
        with self._connected(purpose) as connection, connection.begin():
            yield connection

    def _connected(self, purpose: Purpose) -> AbstractContextManager[Connection]:
        if self._writer is not None and purpose in (Purpose.WRITING, Purpose.DURABLE):
            return self._writer.connected(purpose)
        return self._engine.connect().execution_options(**{PURPOSE: purpose})

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Raises: StoreDown, at once while the database is left alone."""
        self._ask()
        had = deadline.current().seconds_left
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:  # SQLite's own: `statements` asks its driver directly
            kind = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
            if had < FAIR_WAIT:
                logs.event("store_late", level=30, kind=kind)
                raise StoreDown(_DOWN) from error
            self._is_down, self._rest_until = True, time.monotonic() + REST
            logs.event("store_down", level=40, kind=kind)
            metrics.store_failed()
            raise StoreDown(_DOWN) from error
        self._is_down = False

    def _ask(self) -> None:
        """Whoever comes first after the rest tries; until that one knows, the others are refused. Raises: StoreDown."""
        with self._asking:
            if not self._is_down:
                return
            if time.monotonic() < self._rest_until:
                raise StoreDown(_DOWN)
            self._rest_until = time.monotonic() + REST

    def _migrate(self) -> None:
        if self._migrated:
            return
        with _held(self._opening):
            with self._begun(Purpose.READING) as connection:
                current = revision(connection)
            if current != HEAD:
                with self._begun(Purpose.OPENING) as connection:
                    if revision(connection) != HEAD:  # another process may have been quicker
                        upgrade(connection)
                self._engine.dispose()  # the patience of this connection is for opening alone
            self._migrated = True


class _Writer:
    """The one writer of this process: threads take turns, and write over one connection.

    It stays open until a transaction fails: taking one from the pool and giving it back costs as much as the rows of a call.
    """

    def __init__(self, engine: Engine) -> None:
        self.turn = Lock()
        self._engine = engine
        self._connection: Connection | None = None

    @contextmanager
    def connected(self, purpose: Purpose) -> Iterator[Connection]:
        """For who has the turn."""
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            yield self._connection.execution_options(**{PURPOSE: purpose})
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """The next transaction takes a connection from the pool anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextmanager
def _held(lock: Lock) -> Iterator[None]:
    """Raises: StoreDown where it does not come free in the time of this call."""
    if not lock.acquire(timeout=min(max(0.0, deadline.current().seconds_left), TIMEOUT_MAX)):
        raise StoreDown(_DOWN)
    try:
        yield
    finally:
        lock.release()


def existing(address: str) -> Database:
    """The store that a service wrote, for an operator's questions; none is made by asking it.

    Raises: SettingsError; StoreDown.
    """
    file = file_of(address)
    if file is not None and not file.is_file():
        raise SettingsError("CDS_DATABASE_URL names a file that does not exist: is it the service's?")
    database = Database(address, OF_AN_OPERATOR)
    if database.revision() is None:
        database.close()
        raise SettingsError("CDS_DATABASE_URL names a database without our tables: is it the service's?")
    return database


def file_of(address: str) -> Path | None:
    """The file of a database that is one. Raises: SettingsError."""
    url = _checked(address)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _checked(address: str) -> URL:
    """The address of a database that keeps what is written. Raises: SettingsError."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(_MALFORMED) from error
    if url.get_backend_name() not in BACKENDS:
        raise SettingsError(_MALFORMED)
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise SettingsError("CDS_DATABASE_URL must name a file: what is kept must outlast the process")
    if url.get_backend_name() == "postgresql" and not url.database:
        raise SettingsError("CDS_DATABASE_URL must name the database: postgresql://user@host/database")
    return url


_MALFORMED = (
    "CDS_DATABASE_URL must be a database address such as sqlite:////var/lib/cds-service/store.sqlite"
    " or postgresql://cds@database.example/cds"
)
