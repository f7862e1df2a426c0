"""SQLite with a write-ahead log: the store of one machine, whose processes share the file."""

import sqlite3
import time
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from cds_service import deadline
from cds_service.store.backend import Backend, Patience, Purpose, purpose_of

_BEGIN = {
    Purpose.READING: ("NORMAL", "BEGIN"),
    Purpose.WRITING: ("NORMAL", "BEGIN IMMEDIATE"),
    Purpose.DURABLE: ("FULL", "BEGIN IMMEDIATE"),
    Purpose.OPENING: ("FULL", "BEGIN IMMEDIATE"),
}
"""How far a commit goes towards the disk, and whether the file is locked at once: another writer is waited for then."""

_SYNCHRONOUS = "synchronous"
"""In a connection's `info`: what it is set to already."""


class _RawCursor(Protocol):
    def execute(self, statement: str) -> object: ...


class _RawConnection(Protocol):
    isolation_level: str | None

    def cursor(self) -> _RawCursor: ...


def _engine(url: URL, patience: Patience) -> Engine:
    engine = sa.create_engine(
        url,
        max_overflow=-1,  # as many connections as threads answer
        paramstyle="named",  # as `statements` binds values
    )

    @event.listens_for(engine, "do_connect")
    def create_privately(*_: object) -> None:
        """A new file is readable by its owner alone."""
        Path(url.database or "").touch(mode=0o600)

    @event.listens_for(engine, "connect")
    def prepare(connection: _RawConnection, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own
        cursor = connection.cursor()
        _write_ahead(cursor, _left(patience.opening))
        cursor.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        purpose = purpose_of(connection)
        wait = patience.opening if purpose is Purpose.OPENING else patience.answer
        synchronous, begin_as = _BEGIN[purpose]
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_left(wait) * 1000:.0f}")
        if connection.info.get(_SYNCHRONOUS) != synchronous:
            cursor.execute(f"PRAGMA synchronous = {synchronous}")
            connection.info[_SYNCHRONOUS] = synchronous
        cursor.execute(begin_as)

    return engine


def _left(seconds: float) -> float:
    """How many of so many seconds the transaction still has."""
    return max(0.0, min(seconds, deadline.current().seconds_left))


def _write_ahead(cursor: _RawCursor, patience: float) -> None:
    """Switch to the write-ahead log. While another process does the same, SQLite says "busy" at once, whatever its timeout."""
    until = time.monotonic() + patience
    cursor.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


BACKEND = Backend(_engine, one_writer=True)
