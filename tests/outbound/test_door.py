"""Where connections may lead: judged by the address that a name resolves to, at the moment of connecting."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from cds_service.errors import OutboundError
from cds_service.outbound.addresses import AddressRules
from cds_service.outbound.door import Door, Limits

STRICT = AddressRules()
HOSPITAL = AddressRules((ip_network("10.20.0.0/16"), ip_network("fd00:1::/32")))


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert STRICT.allow(address)


PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",  # the cloud's metadata service
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:0a00:0001::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_of_the_inner_network_is_allowed_unless_listed(address: str) -> None:
    assert not STRICT.allow(address)


def test_a_listed_network_is_allowed_and_no_other() -> None:
    assert HOSPITAL.allow("10.20.3.4")
    assert HOSPITAL.allow("::ffff:10.20.3.4")
    assert HOSPITAL.allow("fd00:1::7")
    assert not HOSPITAL.allow("10.21.3.4")
    assert not HOSPITAL.allow("127.0.0.1")


@pytest.fixture
def server() -> Iterator[tuple[int, list[bytes]]]:
    """A server on loopback that notes what reaches it."""
    heard: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            with connection:
                heard.append(connection.recv(1000))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    thread = threading.Thread(target=serve)
    thread.start()
    yield listening.getsockname()[1], heard
    stop.set()
    thread.join()
    listening.close()


def resolving(*rounds: list[str]) -> Callable[..., list[Any]]:
    """A name server that answers each round for fhir.example differently, as for DNS rebinding."""
    left = list(rounds)

    def answer(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        addresses = [host]
        if host == "fhir.example":
            addresses = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return answer


def test_a_public_name_that_resolves_inside_is_not_connected_to(
    server: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heard = server
    monkeypatch.setattr(socket, "getaddrinfo", resolving(["127.0.0.1"]))
    with pytest.raises(OutboundError) as refusal:
        Door(Limits(), addresses=STRICT).get(f"http://fhir.example:{port}/Patient/p", {"Authorization": "Bearer secret"})
    assert refusal.value.reason == "address-refused"
    assert heard == []


def test_what_was_judged_is_connected_to_and_the_name_is_not_asked_for_again(
    server: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heard = server
    monkeypatch.setattr(socket, "getaddrinfo", resolving(["10.0.0.1", "127.0.0.1"], ["169.254.169.254"]))
    door = Door(Limits(connect=1), addresses=AddressRules((ip_network("127.0.0.1/32"),)))
    assert door.get(f"http://fhir.example:{port}/Patient/p", {}).status == 200
    assert f"Host: fhir.example:{port}".encode() in heard[0]


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(OutboundError, match="unreachable"):
        Door(Limits(), addresses=STRICT).get("https://nowhere.invalid/", {})


def test_a_refused_connection_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OutboundError, match="unreachable"):
        Door(Limits(), addresses=AddressRules(loopback=True)).get(f"https://127.0.0.1:{port}/", {})


def serving(*parts: bytes, pause: float = 0.0) -> tuple[int, threading.Thread]:
    """A server on loopback that answers one request with these parts, and closes; a pause lies after each."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as connection:
            connection.recv(1000)
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)
            except OSError:
                return  # the client has had enough

    thread = threading.Thread(target=serve)
    thread.start()
    return listening.getsockname()[1], thread


def test_a_body_that_drips_ends_with_the_time_of_the_call() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    port, thread = serving(head, *([b"x"] * 100_000), pause=0.01)
    with pytest.raises(OutboundError, match="timeout"):
        Door(Limits(read=5)).within(0.5).get(f"http://127.0.0.1:{port}/", {})
    thread.join()


@pytest.mark.parametrize("proxied", [False, True])
def test_a_head_that_drips_ends_with_the_time_of_the_call(proxied: bool) -> None:
    port, thread = serving(b"HTTP/1.1 200 OK\r\n", *([b"X: x\r\n"] * 10_000), pause=0.01)
    address = f"http://127.0.0.1:{port}"
    door = Door(Limits(read=5), proxy=address) if proxied else Door(Limits(read=5))
    with pytest.raises(OutboundError, match="timeout"):
        door.within(0.5).get("http://fhir.example/" if proxied else address, {})
    thread.join()


def test_an_address_after_the_time_is_spent_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*_: Any, **__: Any) -> list[Any]:
        time.sleep(0.1)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with pytest.raises(OutboundError, match="timeout"):
        Door(Limits(), addresses=AddressRules(loopback=True)).within(0.05).get("http://fhir.example/", {})


def test_a_server_that_says_nothing_ends_with_the_time_of_the_call() -> None:
    port, thread = serving(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", pause=2)
    with pytest.raises(OutboundError, match="timeout"):
        Door(Limits(read=60)).within(0.3).get(f"http://127.0.0.1:{port}/", {})
    thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
def test_a_body_that_breaks_off_is_no_answer(answer: bytes) -> None:
    port, thread = serving(answer)
    with pytest.raises(OutboundError, match="unreachable"):
        Door(Limits()).get(f"http://127.0.0.1:{port}/", {})
    thread.join()


def test_a_body_that_is_not_what_its_encoding_says_is_no_dead_server() -> None:
    port, thread = serving(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nabcde")
    with pytest.raises(OutboundError, match="unreadable"):
        Door(Limits()).get(f"http://127.0.0.1:{port}/", {})
    thread.join()


def test_a_compressed_body_is_counted_as_it_unfolds() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    port, thread = serving(head + bomb)
    with pytest.raises(OutboundError, match="too-large"):
        Door(Limits(body=1_000_000)).get(f"http://127.0.0.1:{port}/", {})
    thread.join()


def test_a_call_whose_time_is_spent_reads_no_further(server: tuple[int, list[bytes]]) -> None:
    port, heard = server
    with pytest.raises(OutboundError, match="timeout"):
        Door(Limits()).within(0).get(f"http://127.0.0.1:{port}/", {})
    assert heard == []
    assert Door(Limits()).within(30).get(f"http://127.0.0.1:{port}/", {}).status == 200
