"""The time that a call may take, kept by whatever its thread waits for: a FHIR server's bytes, the store's answers."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local

from cds_service.errors import OutboundError


class Deadline:
    """When a call's time is spent. Units: seconds of the monotonic clock."""

    def __init__(self, until: float = math.inf) -> None:
        self.until = until

    @property
    def seconds_left(self) -> float:
        return self.until - time.monotonic()

    def require_time(self) -> float:
        """The seconds that are left. Raises: OutboundError when none are."""
        left = self.seconds_left
        if left <= 0:
            raise OutboundError("timeout")
        return left


class _Current(local):
    deadline = Deadline()


_current = _Current()


def current() -> Deadline:
    """What this thread keeps; without end where nobody waits for it."""
    return _current.deadline


def keep(deadline: Deadline) -> None:
    """From now on this thread keeps it."""
    _current.deadline = deadline


@contextmanager
def keeping(deadline: Deadline) -> Iterator[None]:
    """What this thread waits for meanwhile keeps the deadline."""
    before = _current.deadline
    _current.deadline = deadline
    try:
        yield
    finally:
        _current.deadline = before
