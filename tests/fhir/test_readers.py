"""Reads side by side: as many as there are threads, in the call's own context; none holds up or breaks the others for long."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NoReturn

import pytest

from cds_service.fhir.readers import Readers
from cds_service.fhir.record import GapReason

WAITS = 10.0
"""Seconds, for what comes at once or never."""
CALL = ContextVar("CALL", default="none")


def reason_of(reason: GapReason) -> Any:
    return reason


def test_what_each_read_gives_comes_in_their_order() -> None:
    second = threading.Event()

    def first_to_be_named() -> int:
        assert second.wait(WAITS)
        return 1

    def first_to_end() -> int:
        second.set()
        return 2

    assert Readers(2).at_once([first_to_be_named, first_to_end], WAITS, [reason_of] * 2) == [1, 2]


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

    assert Readers(3).at_once([read] * 30, WAITS, [reason_of] * 30) == [1] * 30
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
    assert readers.at_once([read_of(1), read_of(2)], 0.0, [reason_of] * 2) == [GapReason.TIMEOUT] * 2
    held.set()
    assert readers.at_once([lambda: 3], WAITS, [reason_of]) == [3]
    assert begun == [1]


def test_what_is_noted_of_a_call_goes_along_with_its_reads() -> None:
    CALL.set("this one")
    assert Readers(2).at_once([CALL.get] * 3, WAITS, [reason_of] * 3) == ["this one"] * 3


def test_a_read_that_breaks_costs_its_own_answer_and_its_text_is_told_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def breaks() -> NoReturn:
        raise KeyError("Zzyzx")

    assert Readers(2).at_once([lambda: 1, breaks, lambda: 3], WAITS, [reason_of] * 3) == [1, GapReason.INTERNAL_ERROR, 3]
    (told,) = caplog.records
    assert told.message == "read_broke"
    assert vars(told)["fields"] == {"kind": "KeyError", "location": vars(told)["fields"]["location"]}
    assert vars(told)["fields"]["location"].startswith(f"{__name__}:")
