"""What was read a moment ago, or is being read right now, is not read again: kept for a short time, whole answers alone."""

from collections.abc import Callable, MutableMapping
from concurrent.futures import CancelledError, Future
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class SharedReads(Generic[Key, Answer]):
    """Answers by key; reads of the same key at the same time share one. `kept`: a cachetools cache, or None for no sharing."""

    def __init__(self, kept: MutableMapping[Key, Answer] | None, is_whole: Callable[[Answer], bool]) -> None:
        self._kept = kept
        self._is_whole = is_whole
        self._under_way: dict[Key, Future[Answer]] = {}
        self._lock = Lock()
        self.waiting = 0
        """How many wait at present for what another reads."""

    def had(self, key: Key, read: Callable[[], Answer], seconds: float) -> Answer:
        """What is kept; else what another call that reads it now gets within so many seconds; else what `read` gives.

        Raises: TimeoutError where the other takes longer.
        """
        if self._kept is None:
            return read()
        mine: Future[Answer] = Future()
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                return found
            first = self._under_way.setdefault(key, mine)
        if first is not mine:
            shared = self._of(first, seconds)
            return read() if shared is None or not self._is_whole(shared) else shared  # its failure may be its alone
        try:
            answer = read()
            self._keep(key, answer)
            mine.set_result(answer)
        finally:
            with self._lock:
                del self._under_way[key]
            mine.cancel()
        return answer

    def _of(self, first: Future[Answer], seconds: float) -> Answer | None:
        """What another call reads; None if that broke. Raises: TimeoutError."""
        with self._lock:
            self.waiting += 1
        try:
            return first.result(min(seconds, LONGEST_WAIT))
        except CancelledError:
            return None
        finally:
            with self._lock:
                self.waiting -= 1

    def _keep(self, key: Key, answer: Answer) -> None:
        if self._kept is None or not self._is_whole(answer):
            return
        with self._lock:
            try:
                self._kept[key] = answer
            except ValueError:
                return  # larger than all that may be kept


LONGEST_WAIT = 3600.0
"""Seconds: no lock waits for an infinite time."""
