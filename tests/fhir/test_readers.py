"""Reads side by side: as many as there are threads, in the call's own context, and none is waited for too long."""

import threading
from collections.abc import Callable
from contextvars import ContextVar

from cds_service.fhir.readers import Readers

WAITS = 10.0
"""Seconds, for what comes at once or never."""
CALL = ContextVar("CALL", default="none")


def test_what_each_read_gives_comes_in_their_order() -> None:
    second = threading.Event()

    def first_to_be_named() -> int:
        assert second.wait(WAITS)
        return 1

    def first_to_end() -> int:
        second.set()
        return 2

    assert Readers(2).at_once([first_to_be_named, first_to_end], WAITS, [0, 0]) == [1, 2]


def test_no_more_than_the_threads_read_at_a_time() -> None:
    lock = threading.Lock()
    running: list[int] = []
    most: list[int] = []

    def read() -> int:
        with lock:
            running.append(1)
            most.append(len(running))
        threading.Event().wait(0.005)
        with lock:
            running.pop()
        return 1

    assert Readers(3).at_once([read] * 30, WAITS, [0] * 30) == [1] * 30
    assert max(most) <= 3


def test_what_takes_too_long_is_given_up_and_what_was_not_begun_never_is() -> None:
    held, begun = threading.Event(), []

    def read_of(number: int) -> Callable[[], int]:
        def read() -> int:
            begun.append(number)
            held.wait(WAITS)
            return number

        return read

    readers = Readers(1)
    assert readers.at_once([read_of(1), read_of(2)], 0.0, [-1, -2]) == [-1, -2]
    held.set()
    assert readers.at_once([lambda: 3], WAITS, [0]) == [3]
    assert begun == [1]


def test_what_is_noted_of_a_call_goes_along_with_its_reads() -> None:
    CALL.set("this one")
    assert Readers(2).at_once([CALL.get] * 3, WAITS, ["late"] * 3) == ["this one"] * 3
