"""The reads of a call run side by side, in threads that all calls of the process share."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from cds_service import logs
from cds_service.errors import place_of
from cds_service.fhir.record import GapReason

Answer = TypeVar("Answer")

GRACE = 0.1
"""Seconds: reads end by themselves when the time is spent, and tell how far they came; later ones are given up."""


class Readers:
    """At most so many threads, begun when they are first needed."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")

    def at_once(
        self, reads: Sequence[Callable[[], Answer]], seconds: float, instead: Sequence[Callable[[GapReason], Answer]]
    ) -> list[Answer]:
        """What each read gives, in their order; what `instead` makes of those that break, or take longer than that."""
        begun = [self._pool.submit(copy_context().run, read) for read in reads]  # what is noted of a call goes along
        done, overdue = wait(begun, timeout=max(0, min(seconds, LONGEST_WAIT)) + GRACE)
        for read in overdue:
            read.cancel()  # what has not begun never will; what has begun ends by its own time limit
        return [
            _outcome(read, other) if read in done else other(GapReason.TIMEOUT)
            for read, other in zip(begun, instead, strict=True)
        ]


def _outcome(read: Future[Answer], instead: Callable[[GapReason], Answer]) -> Answer:
    """A fault of our own costs the part that it arose in. Its place is logged, never its text: it may hold values."""
    error = read.exception()
    if not isinstance(error, Exception):
        return read.result()
    logs.event("read_broke", level=40, kind=type(error).__name__, location=place_of(error))
    return instead(GapReason.INTERNAL_ERROR)


LONGEST_WAIT = 3600.0
"""Seconds, where a call has no deadline."""
