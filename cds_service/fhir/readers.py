"""The reads of a call run side by side, in threads that all calls of the process share."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

Answer = TypeVar("Answer")

GRACE = 0.1
"""Seconds: reads end by themselves when the time is spent, and tell how far they came; later ones are given up."""


class Readers:
    """At most so many threads, begun when they are first needed."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")

    def at_once(self, reads: Sequence[Callable[[], Answer]], seconds: float, too_late: Sequence[Answer]) -> list[Answer]:
        """What each read gives, in their order; what stands in `too_late` for those that take longer than so many seconds."""
        begun = [self._pool.submit(copy_context().run, read) for read in reads]  # what is noted of a call goes along
        done, overdue = wait(begun, timeout=max(0, min(seconds, LONGEST_WAIT)) + GRACE)
        for read in overdue:
            read.cancel()  # what has not begun never will; what has begun ends by its own time limit
        return [read.result() if read in done else late for read, late in zip(begun, too_late, strict=True)]


LONGEST_WAIT = 3600.0
"""Seconds, where a call has no deadline."""
