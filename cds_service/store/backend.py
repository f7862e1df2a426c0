"""What a database must bring along to be the store, and what its transactions say of themselves."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from sqlalchemy.engine import URL, Connection, Engine

from cds_service import deadline
from cds_service.deadline import Deadline

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
    """How long the database is waited for; a call has less, see `share_of_the_call`. Units: seconds."""

    answer: float
    """For each of its answers."""
    opening: float
    """While another process creates or updates the tables."""


SHARE, SHARE_OF_DURABLE = 0.25, 0.8
"""What a transaction may take of the time that is left of a call. However many follow, each leaves the most to what comes after
it; what is to be durable comes last, and the answer tells what became of it.
"""
LEAST = 0.05
"""Seconds that any may take, though nothing is left."""


def share_of_the_call(purpose: Purpose) -> Deadline:
    """When a transaction that begins now must be done; never, outside of a call."""
    share = SHARE_OF_DURABLE if purpose is Purpose.DURABLE else SHARE
    return Deadline(time.monotonic() + max(LEAST, share * deadline.current().seconds_left))


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
