"""How many calls of one client are answered: those within the window count, and each client's alone."""

import pytest
from limits import parse

from cds_service.clients import Client, profiles
from cds_service.errors import TooManyCalls
from cds_service.web import guard
from cds_service.web.guard import Rates


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(guard, "time", stopped)
    return stopped


def client(name: str) -> Client:
    return Client(name, profiles()["plain"])


def test_calls_count_until_the_window_has_passed_over_them(clock: Clock) -> None:
    rates = Rates(parse("2 per minute"))
    rates.count(client("a"))
    clock.seconds += 40
    rates.count(client("a"))
    with pytest.raises(TooManyCalls) as refused:
        rates.count(client("a"))
    assert refused.value.retry_after == 20
    clock.seconds += 20
    rates.count(client("a"))
    with pytest.raises(TooManyCalls):
        rates.count(client("a"))


def test_a_refused_call_does_not_count(clock: Clock) -> None:
    rates = Rates(parse("1 per minute"))
    rates.count(client("a"))
    for _ in range(3):
        clock.seconds += 19
        with pytest.raises(TooManyCalls):
            rates.count(client("a"))
    clock.seconds += 3
    rates.count(client("a"))


def test_one_client_does_not_use_up_what_another_may_call(clock: Clock) -> None:
    rates = Rates(parse("1 per minute"))
    rates.count(client("a"))
    rates.count(client("b"))
