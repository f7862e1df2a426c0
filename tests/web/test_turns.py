"""Overload: who is let in, who waits, and who is told in time to come again."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cds_service.errors import Overloaded
from cds_service.web import arrival
from cds_service.web import turns as module
from cds_service.web.turns import Turns
from tests.web.test_service import SETTINGS, URL, client_of, request_of

WAITS = 10.0
"""Seconds, for what comes at once or never."""


def taken(turns: Turns) -> bool:
    try:
        turns.take()
    except Overloaded:
        return False
    return True


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to be")


def test_as_many_as_there_are_turns_are_let_in_and_a_turn_given_back_is_anothers() -> None:
    turns = Turns(2, 0, WAITS)
    assert [taken(turns) for _ in range(3)] == [True, True, False]
    turns.give_back()
    assert [taken(turns) for _ in range(2)] == [True, False]


def test_who_came_first_is_first() -> None:
    turns = Turns(1, 3, WAITS)
    turns.take()
    order: list[int] = []

    def wait(number: int) -> None:
        turns.take()
        order.append(number)
        turns.give_back()

    with ThreadPoolExecutor(3) as pool:
        for number in range(3):
            pool.submit(wait, number)
            until(lambda: turns.waiting == number + 1)  # noqa: B023  # is called before the number changes
        turns.give_back()
    assert order == [0, 1, 2]
    assert turns.waiting == 0


def test_whose_patience_ends_is_told_and_holds_no_place() -> None:
    turns = Turns(1, 1, 0.01)
    turns.take()
    assert not taken(turns)
    assert turns.waiting == 0
    turns.give_back()
    assert taken(turns)


def test_a_turn_that_comes_at_the_last_moment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(1, 1, 0.0)

    class Late(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            turns.give_back()
            return False

    turns.take()
    monkeypatch.setattr(module, "Event", Late)
    assert taken(turns)
    assert turns.waiting == 0


def test_a_call_beyond_what_is_answered_gets_503_and_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(replace(SETTINGS, threads=1))
    begun, let_go = threading.Event(), threading.Event()
    unheld = arrival.seconds_since_arrival

    def held() -> float:
        begun.set()
        assert let_go.wait(WAITS)
        return unheld()

    monkeypatch.setattr("cds_service.web.routes.seconds_since_arrival", held)
    monkeypatch.setattr(Turns, "take", impatient(Turns.take))
    body = json.dumps(request_of("oracle-without-prefetch.json") | {"fhirServer": "https://ehr.example/fhir"})

    def fired() -> Any:
        return client.application.test_client().post(URL, data=body, content_type="application/json")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(fired)
        assert begun.wait(WAITS)
        refused = client.post(URL, data=body, content_type="application/json")
        probed = client.get("/healthz")
        let_go.set()
        assert first.result().status_code in (200, 412)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert json.loads(refused.data)["issue"][0]["code"] == "transient"
    assert probed.status_code == 200, "who watches waits for no turn"


def impatient(take: Callable[[Turns], None]) -> Callable[[Turns], None]:
    """Nobody waits, so that the test need not."""

    def at_once(turns: Turns) -> None:
        turns._patience = 0.0
        take(turns)

    return at_once


@pytest.mark.parametrize("body", [b"nonsense", b"{}"])
def test_a_call_that_is_refused_gives_its_turn_back(body: bytes) -> None:
    client = client_of(replace(SETTINGS, threads=1))
    for _ in range(3):
        assert client.post(URL, data=body, content_type="application/json").status_code == 400
    assert client.get("/cds-services").status_code == 200
