"""A name server that hangs holds one thread for each name, and nobody who waits for it."""

import socket
import threading
from collections.abc import Iterator

import pytest

from cds_service.errors import OutboundError
from cds_service.outbound import names
from cds_service.outbound.door import Door, Limits

WAITS = 10.0
"""Seconds, for what comes at once or never."""


class NameServer:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = threading.Event()
        self.knows = True

    def getaddrinfo(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        assert self.answers.wait(WAITS)
        if not self.knows:
            raise socket.gaierror
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")
        ]


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server.getaddrinfo)
    yield server
    server.answers.set()
    for thread in lookups():
        thread.join()


def lookups() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "name-lookup"]


def test_a_name_is_told_with_each_address_once(name_server: NameServer) -> None:
    name_server.answers.set()
    assert names.addresses("ehr.example", 443, WAITS) == ["192.0.2.1", "192.0.2.2"]


def test_whoever_waits_for_a_name_server_that_hangs_gives_up_and_all_hold_one_thread(name_server: NameServer) -> None:
    for _ in range(20):
        with pytest.raises(OutboundError, match="timeout"):
            names.addresses("ehr.example", 443, 0.01)
    assert (name_server.asked, len(lookups())) == (["ehr.example"], 1)
    name_server.answers.set()
    assert names.addresses("ehr.example", 443, WAITS) == ["192.0.2.1", "192.0.2.2"]


def test_a_name_that_there_is_not_is_asked_for_again_later(name_server: NameServer) -> None:
    name_server.answers.set()
    name_server.knows = False
    with pytest.raises(socket.gaierror):
        names.addresses("ehr.example", 443, WAITS)
    name_server.knows = True
    assert names.addresses("ehr.example", 443, WAITS)


def test_a_name_server_that_hangs_counts_against_the_origin_as_a_server_that_does(name_server: NameServer) -> None:
    door = Door(Limits(connect=1.1))  # longer than a fair wait
    for _ in range(5):
        with pytest.raises(OutboundError, match="timeout"):
            door.within(60).get("https://ehr.example/fhir", {})
    assert list(door.breaker_states().values()) == ["open"]
    assert len(name_server.asked) == 1
