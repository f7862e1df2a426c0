"""Statements that every call executes: compiled once for each kind of database, and handed to its driver as they are.

SQLAlchemy's own way from a statement to its result costs a call more than all that the database does for it.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import Delete, Insert, Select
from sqlalchemy.engine import Connection, Dialect

Values = Mapping[str, str | int | None]


class Result(Protocol):
    """What a driver's cursor and SQLAlchemy's result both tell."""

    @property
    def rowcount(self) -> int: ...

    @property
    def lastrowid(self) -> int: ...

    def fetchall(self) -> Sequence[Sequence[str | int]]: ...


class Statement:
    """Values are bound by name, the same names each time. What it was built with besides, a limit of rows, it binds itself."""

    def __init__(self, built: Select[tuple[str]] | Insert | Delete) -> None:
        self._built = built
        self._compiled: dict[str, tuple[str, Values]] = {}

    def execute(self, connection: Connection, values: Values) -> Result:
        """In SQLite by the driver's cursor; in PostgreSQL by SQLAlchemy, which drops a connection that is lost.

        Raises: SQLAlchemyError; sqlite3.Error.
        """
        text, constants = self._in(connection.dialect, values)
        bound = {**constants, **values}
        if connection.dialect.name == "sqlite":
            cursor = connection.connection.cursor()
            cursor.execute(text, bound)
            return cursor
        return connection.exec_driver_sql(text, bound)

    def execute_many(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Once for each row. Raises: as `execute`."""
        text, _ = self._in(connection.dialect, rows[0])
        if connection.dialect.name == "sqlite":
            connection.connection.cursor().executemany(text, rows)
        else:
            connection.exec_driver_sql(text, [dict(row) for row in rows])

    def _in(self, dialect: Dialect, values: Values) -> tuple[str, Values]:
        """The text, and what the statement itself binds in it."""
        if dialect.name not in self._compiled:
            compiled = self._built.compile(dialect=dialect, column_keys=list(values))
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            self._compiled[dialect.name] = (compiled.string, constants)
        return self._compiled[dialect.name]
