"""A connection to PostgreSQL that waits only so long, whatever became of the server or the network in between."""

import time
from collections.abc import Mapping
from typing import TypeVar, cast

import psycopg
import sqlalchemy as sa
from psycopg.abc import PQGen
from psycopg.waiting import Ready

Answer = TypeVar("Answer")


class BoundedConnection(psycopg.Connection):
    """Gives up, and closes, where one answer takes longer than `patience` seconds.

    The server's own statement_timeout cannot do this: a server that hangs, or is cut off, stops nothing.
    """

    patience: float = 0.0

    def wait(self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None) -> Answer:
        """Raises: psycopg.OperationalError."""
        patience = self.patience if timeout is None else min(timeout, self.patience)
        return super().wait(self._bounded(gen, patience), interval)

    def _bounded(self, answer: PQGen[Answer], patience: float) -> PQGen[Answer]:
        """The driver's steps towards an answer. It takes one whenever something came, and at every interval."""
        until = time.monotonic() + patience
        try:
            wanted = next(answer)
            while True:
                ready = yield wanted
                if ready == Ready.NONE and time.monotonic() > until:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the database does not answer")
                wanted = answer.send(ready)
        except StopIteration as done:
            result: Answer = done.value
            return result


def connect(patience: float, arguments: Mapping[str, str]) -> BoundedConnection:
    """Raises: psycopg.OperationalError."""
    connection = BoundedConnection.connect(**arguments)  # type: ignore[arg-type]  # names as libpq has them
    connection.patience = patience
    return connection


def of(connection: sa.Connection) -> BoundedConnection:
    """The driver's connection under a transaction."""
    return cast(BoundedConnection, connection.connection.dbapi_connection)
