"""Overload is told in time: so many calls are answered at once, some wait a moment for their turn, the rest may come again.

Calls are let in first come, first served; who knows within the EHR's patience that there is no answer can still act on it.
"""

from collections import deque
from threading import Event, Lock

from flask import Blueprint, g

from cds_service.errors import Overloaded


class Turns:
    """Units: `patience` in seconds."""

    def __init__(self, at_once: int, waiting: int, patience: float) -> None:
        self._free = at_once
        self._most_waiting = waiting
        self._patience = patience
        self._queue: deque[Event] = deque()
        self._lock = Lock()

    def guard(self, routes: Blueprint) -> None:
        """Every call of these routes takes a turn, and gives it back whatever becomes of it."""

        @routes.before_request
        def take() -> None:
            self.take()
            g.has_turn = True

        @routes.teardown_request
        def give_back(_: BaseException | None) -> None:
            if g.pop("has_turn", False):
                self.give_back()

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn at present."""
        return len(self._queue)

    def take(self) -> None:
        """Raises: Overloaded."""
        with self._lock:
            if self._free and not self._queue:
                self._free -= 1
                return
            if len(self._queue) >= self._most_waiting:
                raise Overloaded
            turn = Event()
            self._queue.append(turn)
        if turn.wait(self._patience):
            return
        with self._lock:
            if turn.is_set():  # it came at the last moment
                return
            self._queue.remove(turn)
        raise Overloaded

    def give_back(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1
