"""A FHIR server that misbehaves on purpose, at the level of the socket: for the tests of reading, and for the soak."""

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from ssl import SSLContext, SSLError
from typing import Self
from urllib.parse import parse_qsl, urlencode

from cds_service.hooks.patient_view import PREFETCH
from cds_service.sandbox import stories
from cds_service.sandbox.fhir_server import ResourceStore, create_fhir_server

BASE = "/fhir"
_LONGEST_HEAD = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its key, `laboratory` for example, or its path; the connection; and what a good server answers."""

    key: str
    address: str
    """Of the first page; later ones have `&page=2` and so on behind it."""
    page: int
    token: str
    connection: socket.socket
    status: int
    body: bytes

    def answer(self, body: bytes | None = None, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        """A well-formed HTTP answer."""
        content = self.body if body is None else body
        code = HTTPStatus(status or self.status)
        fields = {"Content-Type": "application/fhir+json", "Content-Length": str(len(content)), **(headers or {})}
        lines = [f"HTTP/1.1 {code.value} {code.phrase}", *(f"{name}: {value}" for name, value in fields.items())]
        self.connection.sendall("\r\n".join((*lines, "", "")).encode() + content)

    def wait_for_the_end(self) -> None:
        """Until the caller has had enough and closes."""
        while self.connection.recv(1024):
            pass


Behaviour = Callable[[Asked], bool]
"""Answers, or does not; whether the connection stays open."""


def well(asked: Asked) -> bool:
    """As a good server does."""
    asked.answer()
    return True


class Patients:
    """What a good server answers, made once for each address."""

    def __init__(self) -> None:
        store = ResourceStore(resource for story in stories.load().values() for resource in story)
        self._client = create_fhir_server(store).test_client()
        self._answers: dict[str, tuple[int, bytes]] = {}
        self._lock = threading.Lock()

    def answer(self, target: str, host: str) -> tuple[int, bytes]:
        with self._lock:
            if target not in self._answers:
                answer = self._client.get(target, base_url=f"http://{host}")
                self._answers[target] = (answer.status_code, answer.get_data())
            return self._answers[target]


@dataclass
class Unruly:
    """The server, once it is begun. `behaviour` may be changed at any time."""

    patients: Patients
    behaviour: Behaviour = well
    tls: SSLContext | None = None
    port: int = 0
    asked: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))
    """The keys of the last requests, in the order in which they came."""

    def __post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=512)
        self.port = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{BASE}"

    @property
    def connections(self) -> int:
        """How many its callers hold open."""
        with self._lock:
            return len(self._open)

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            left = list(self._open)
        for connection in left:
            with _closed_is_well():
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()

    def _begin(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=self._run, args=(target, *arguments), daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        try:
            target(*arguments)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            self._begin(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        used = connection
        try:
            with _closed_is_well():
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                used = self.tls.wrap_socket(connection, server_side=True) if self.tls is not None else connection
                received = b""
                while True:
                    while b"\r\n\r\n" not in received and len(received) < _LONGEST_HEAD:
                        more = used.recv(65_536)
                        if not more:
                            return
                        received += more
                    head, _, received = received.partition(b"\r\n\r\n")
                    if not self.behaviour(self._understood(head.decode(), used)):
                        return
        finally:
            with self._lock:
                self._open.discard(connection)
            used.close()

    def _understood(self, head: str, connection: socket.socket) -> Asked:
        address, _, page = head.split(" ")[1].partition("&page=")
        key = _KEYS.get(_without_patient(address), address)
        self.asked.append(key)
        status, body = self.patients.answer(address, f"127.0.0.1:{self.port}")
        token = head.partition("Authorization: Bearer ")[2].partition("\r\n")[0]
        return Asked(key, address, int(page or 1), token, connection, status, body)


def _without_patient(address: str) -> str:
    path, _, query = address.partition("?")
    if not query:
        return path.rpartition("/")[0]
    return f"{path}?{urlencode([(name, value) for name, value in parse_qsl(query) if name != 'patient'])}"


_KEYS = {_without_patient(f"{BASE}/{template}"): key for key, template in PREFETCH.items()}
"""Our keys by the addresses that they are read from, without the patient."""


@contextmanager
def _closed_is_well() -> Iterator[None]:
    """A caller that goes away is what is tested."""
    try:
        yield
    except (OSError, SSLError):
        return
