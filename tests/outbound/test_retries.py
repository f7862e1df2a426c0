"""What is sent again to a server that stumbles, and what never is."""

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
import requests
import responses

from cds_service.errors import OutboundError
from cds_service.outbound.breaker import FAILURES
from cds_service.outbound.door import Door, Limits
from cds_service.outbound.retries import ATTEMPTS

URL = "https://ehr.example/fhir/Patient/p"
CALL = 30.0
"""Seconds of the call: enough for all that is tried."""


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited before each further attempt; nobody sleeps."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture(autouse=True)
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def door() -> Door:
    return Door(Limits()).within(CALL)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_is_busy_or_away_is_asked_again(server: responses.RequestsMock, status: int) -> None:
    server.get(URL, status=status)
    server.get(URL, body=b"{}")
    assert door().get(URL, {}).body == b"{}"
    assert len(server.calls) == 2


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 410, 422, 500, 501])
def test_an_answer_that_would_be_the_same_is_not_asked_for_again(server: responses.RequestsMock, status: int) -> None:
    server.get(URL, status=status)
    assert door().get(URL, {}).status == status
    assert len(server.calls) == 1


ERRORS = [
    (requests.exceptions.ConnectionError(), ATTEMPTS),
    (requests.exceptions.ChunkedEncodingError(), ATTEMPTS),
    (requests.exceptions.ReadTimeout(), 1),
    (requests.exceptions.SSLError(), 1),
]


@pytest.mark.parametrize(("error", "attempts"), ERRORS)
def test_a_reset_is_tried_again_and_what_had_its_time_is_not(
    server: responses.RequestsMock, error: Exception, attempts: int
) -> None:
    server.get(URL, body=error)
    with pytest.raises(OutboundError):
        door().get(URL, {})
    assert len(server.calls) == attempts


def test_a_search_that_is_posted_may_be_sent_again_and_what_changes_something_is_not(server: responses.RequestsMock) -> None:
    server.post(URL, status=503)
    assert door().search_form(URL, {}, [("patient", "p")]).status == 503
    assert len(server.calls) == ATTEMPTS
    assert door().post_json(URL, {}, b"{}").status == 503
    assert len(server.calls) == ATTEMPTS + 1


def test_the_wait_is_what_the_server_asks_for_and_never_twice_the_same(
    server: responses.RequestsMock, naps: list[float]
) -> None:
    server.get(URL, status=429, headers={"Retry-After": "7"})
    door().get(URL, {})
    assert all(7 <= nap < 8 for nap in naps)
    assert len(set(naps)) == len(naps) == ATTEMPTS - 1


def test_a_wait_for_a_date_is_understood(server: responses.RequestsMock, naps: list[float]) -> None:
    server.get(URL, status=503, headers={"Retry-After": formatdate(time.time() + 9, usegmt=True)})
    door().get(URL, {})
    assert all(7 <= nap < 10 for nap in naps)


@pytest.mark.parametrize("value", ["soon", "-1", ""])
def test_a_wait_that_is_none_is_a_short_one(server: responses.RequestsMock, naps: list[float], value: str) -> None:
    server.get(URL, status=503, headers={"Retry-After": value})
    door().get(URL, {})
    assert all(nap < 1 for nap in naps)


@pytest.mark.parametrize("asked", ["31", "3600"])
def test_a_wait_beyond_the_calls_time_is_not_begun(server: responses.RequestsMock, naps: list[float], asked: str) -> None:
    server.get(URL, status=429, headers={"Retry-After": asked})
    assert door().get(URL, {}).status == 429
    assert (len(server.calls), naps) == (1, [])


@pytest.mark.parametrize("asked", ["soon", "Fri, 31 Dec 99999999 23:59:59 GMT", "9" * 5_000])
def test_a_wait_that_nobody_can_read_is_as_if_none_was_asked_for(
    server: responses.RequestsMock, naps: list[float], asked: str
) -> None:
    server.get(URL, status=429, headers={"Retry-After": asked})
    assert door().get(URL, {}).status == 429
    assert len(naps) == ATTEMPTS - 1


def test_without_a_deadline_nothing_is_sent_twice(server: responses.RequestsMock) -> None:
    server.get(URL, status=503)
    assert Door(Limits()).get(URL, {}).status == 503
    assert len(server.calls) == 1


def test_a_dead_server_is_not_asked_any_more_and_others_are(server: responses.RequestsMock) -> None:
    server.get(URL, status=503)
    server.get("https://other.example/", body=b"{}")
    shared = Door(Limits())
    for _ in range(FAILURES):
        shared.within(CALL).get(URL, {})
    asked = len(server.calls)
    with pytest.raises(OutboundError, match="server-error"):
        shared.within(CALL).get(URL, {})
    assert len(server.calls) == asked
    assert shared.within(CALL).get("https://other.example/", {}).status == 200
    assert shared.breaker_states() == {"https://ehr.example": "open", "https://other.example": "closed"}


def test_a_server_that_had_no_time_to_answer_is_not_called_dead(server: responses.RequestsMock) -> None:
    server.get(URL, body=requests.exceptions.ReadTimeout())
    shared = Door(Limits())
    for _ in range(2 * FAILURES):
        with pytest.raises(OutboundError, match="timeout"):
            shared.within(CALL).get(URL, {})  # it times out at once: the call came with no time left
    assert shared.breaker_states() == {"https://ehr.example": "closed"}


def test_no_cookie_of_one_call_goes_along_with_another(server: responses.RequestsMock) -> None:
    server.get(URL, body=b"{}", headers={"Set-Cookie": "session=of-another-user; Path=/"})
    shared = Door(Limits())
    for _ in range(2):
        shared.within(CALL).get(URL, {})
    assert [call.request.headers.get("Cookie") for call in server.calls] == [None, None]
