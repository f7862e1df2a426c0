"""A connection to PostgreSQL that waits only so long, whatever became of the server or the network in between.

Its thread's deadline counts too: that of the transaction, see `Database`.
"""

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import TIMEOUT_MAX, Thread
from typing import TypeVar, cast

import psycopg
import sqlalchemy as sa
from psycopg.abc import PQGen
from psycopg.waiting import Ready

from cds_service import deadline

SHORTEST_INTERVAL = 0.01
"""Seconds between two looks at the clock."""
Answer = TypeVar("Answer")


class BoundedConnection(psycopg.Connection):
    """Gives up, and closes, where one answer takes longer than `patience` seconds.

    The server's own statement_timeout cannot do this: a server that hangs, or is cut off, stops nothing.
    """

    patience: float = 0.0

    def wait(self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None) -> Answer:
        """Raises: psycopg.OperationalError."""
        given = (self.patience, deadline.current().seconds_left, math.inf if timeout is None else timeout)
        patience = max(0.0, min(given))
        return super().wait(self._bounded(gen, patience), min(interval, max(patience, SHORTEST_INTERVAL)))

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
    connection = _in_time(lambda: BoundedConnection.connect(**arguments))  # type: ignore[arg-type]  # names as libpq has them
    connection.patience = patience
    return connection


def _in_time(connect: Callable[[], BoundedConnection]) -> BoundedConnection:
    """In a thread of its own: the driver waits two seconds at least, and nothing bounds a name server.

    Raises: psycopg.OperationalError.
    """
    made: Future[BoundedConnection] = Future()
    Thread(target=_fulfil, args=(made, connect), name="store-connect", daemon=True).start()
    try:
        return made.result(min(max(0.0, deadline.current().seconds_left), TIMEOUT_MAX))
    except TimeoutError as error:
        made.add_done_callback(_close)
        raise psycopg.OperationalError("the database takes no connection") from error


def _fulfil(made: "Future[BoundedConnection]", connect: Callable[[], BoundedConnection]) -> None:
    try:
        made.set_result(connect())
    except Exception as error:  # noqa: BLE001  # whoever waits has to know, whatever it is
        made.set_exception(error)


def _close(made: "Future[BoundedConnection]") -> None:
    """A connection that came too late is nobody's."""
    if made.exception() is None:
        made.result().close()


def of(connection: sa.Connection) -> BoundedConnection:
    """The driver's connection under a transaction."""
    return cast(BoundedConnection, connection.connection.dbapi_connection)
