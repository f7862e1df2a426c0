"""A server that is dead is not asked again and again: its breaker opens, and calls are spared the wait.

Own code, since the libraries hold a lock while a request runs (pybreaker), or let all callers try at once when the rest is
over (circuitbreaker).
"""

import math
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Literal
from urllib.parse import urlsplit

from cds_service import logs, metrics
from cds_service.errors import OutboundError

FAILURES = 5
"""So many in a row open a breaker; one answer of the server closes it.

A failure counts only if the server was silent since it began: one that answers others meanwhile is alive, if not in this.
"""
REST = 5.0
"""Seconds until an open breaker lets one call try."""

State = Literal["closed", "half-open", "open"]
Clock = Callable[[], float]


class Breaker:
    """Whether one server (origin) is asked at present."""

    def __init__(self, origin: str, clock: Clock = time.monotonic) -> None:
        self.origin = origin
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._reason = ""
        self._answered_at = -math.inf
        self._rests_until = 0.0
        self._tried_by: object = None

    @property
    def state(self) -> State:
        with self._lock:
            if self._failures < FAILURES:
                return "closed"
            return "open" if self._clock() < self._rests_until and self._tried_by is None else "half-open"

    def let_pass(self, call: object) -> float:
        """The moment at which a read begins.

        When its rest is over one call may try, with all its reads; the others are refused as before.
        Raises: OutboundError with the reason of the last failure.
        """
        with self._lock:
            now = self._clock()
            if self._failures >= FAILURES and self._tried_by is not call:
                if now < self._rests_until:
                    raise OutboundError(self._reason)
                self._tried_by = call
                self._rests_until = now + REST
            return now

    def answered(self) -> None:
        with self._lock:
            reopened = self._failures >= FAILURES
            self._failures, self._tried_by = 0, None
            self._answered_at = self._clock()
        if reopened:
            metrics.breaker_changed(self.origin, is_open=False)
            logs.event("breaker_closed", origin=self.origin)

    def failed(self, reason: str, began: float) -> None:
        """`began`: the moment that `let_pass` gave."""
        with self._lock:
            if self._answered_at > began:
                return
            self._failures += 1
            self._reason = reason
            opened = self._failures == FAILURES
            if self._failures >= FAILURES:
                self._rests_until, self._tried_by = self._clock() + REST, None
        if opened:
            metrics.breaker_changed(self.origin, is_open=True)
            logs.event("breaker_opened", level=30, origin=self.origin, reason=reason)


class Breakers:
    """One breaker for each origin: scheme, host and port."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._by_origin: dict[str, Breaker] = {}

    def of(self, url: str) -> Breaker:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc.lower()}"
        with self._lock:
            return self._by_origin.setdefault(origin, Breaker(origin, self._clock))

    def states(self) -> Mapping[str, State]:
        """By origin, for those who watch the service. Only listed servers are ever called, so that they are few."""
        with self._lock:
            known = list(self._by_origin.items())
        return {origin: breaker.state for origin, breaker in known}
