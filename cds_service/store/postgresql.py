"""PostgreSQL: the store of several machines. A server that is gone or silent costs a call a moment, never its answer."""

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from cds_service.errors import SettingsError
from cds_service.store.backend import Backend, Patience, Purpose, purpose_of

TABLES_LOCK = 4_123_512_018
"""The advisory lock that a process holds while it creates or updates the tables; any number that is always the same."""
CONNECTING = 2
"""Seconds for a new connection; the client library takes no less."""


def _engine(url: URL, patience: Patience) -> Engine:
    """Raises: SettingsError where the client library is not installed."""
    try:
        from cds_service.store import bounded_connection as bounded

        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            max_overflow=-1,  # as many connections as threads answer
            pool_pre_ping=True,  # a server that was restarted costs no call
            connect_args=_connect_arguments(url, patience),
        )
    except ImportError as error:
        raise SettingsError("CDS_DATABASE_URL names PostgreSQL: pip install 'cds-service[postgresql]'") from error

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, _: object, arguments: dict[str, str]) -> bounded.BoundedConnection:
        return bounded.connect(patience.answer, arguments)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if purpose_of(connection) is Purpose.OPENING:
            bounded.of(connection).patience = patience.opening
            milliseconds = f"{patience.opening * 1000:.0f}"
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TABLES_LOCK})")

    return engine


def _connect_arguments(url: URL, patience: Patience) -> dict[str, object]:
    """The server stops what nobody waits for any more; a line that is dead is told as dead; and a server that is set up to
    answer before a commit is on disk waits for ours, for feedback is acknowledged then. What the address says wins.
    """
    milliseconds = f"{patience.answer * 1000:.0f}"
    ours = f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} -c synchronous_commit=on"
    defaults: dict[str, object] = {
        "application_name": "cds-service",
        "connect_timeout": CONNECTING,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 5_000,
    }
    given = {name: value for name, value in url.query.items() if name in defaults}
    options = url.query.get("options", "")
    # No prepared statements of our own: a pooler before the server may hand each transaction to another connection.
    return {**defaults, **given, "options": f"{ours} {options}".strip(), "prepare_threshold": None}


BACKEND = Backend(_engine, one_writer=False)
