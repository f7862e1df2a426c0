"""What a database must bring along to be the store, and what its transactions say of themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from sqlalchemy.engine import URL, Connection, Engine

PURPOSE = "purpose"
"""The execution option by which a transaction says what it is for."""


class Purpose(Enum):
    """What a transaction is for; a database begins it accordingly."""

    READING = "reading"
    WRITING = "writing"
    DURABLE = "durable"
    """It outlasts a loss of power, not only of this process."""
    OPENING = "opening"
    """Tables are created or updated: one process at a time."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the database is waited for. Units: seconds."""

    answer: float
    """For each of its answers."""
    opening: float
    """While another process creates or updates the tables."""


OF_A_CALL = Patience(2.0, 15.0)
OF_AN_OPERATOR = Patience(3600.0, 3600.0)
"""Reports, purges and migrations of years of rows may take their time."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One kind of database."""

    engine: Callable[[URL, Patience], Engine]
    one_writer: bool
    """Whether it lets in one writer at a time, so that threads better take turns before it."""


def purpose_of(connection: Connection) -> Purpose:
    purpose: Purpose = connection.get_execution_options()[PURPOSE]
    return purpose
