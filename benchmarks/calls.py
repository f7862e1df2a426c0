"""Calls of the hook, over a connection that stays open, and a service that reads the FHIR server of the measurements."""

import http.client
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks import payloads, servers
from benchmarks.servers import SERVICE, Server
from benchmarks.unruly import BASE
from cds_service.settings import now

PATIENT = "relapsed-cd117-positive"
CACHE = 16
"""Megabytes: so few that it is full after some seconds, and what grows later is no cache."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, Retry-After, and the summaries of the cards."""

    status: int
    retry_after: str | None
    cards: list[str]

    @property
    def is_unfinished(self) -> bool:
        return any("not fully evaluated" in card for card in self.cards)


@dataclass(frozen=True, slots=True)
class Caller:
    """An EHR: the service that it calls, and the FHIR server that it names."""

    server: Server
    fhir: str

    def connection(self) -> http.client.HTTPConnection:
        address = urlsplit(self.server.url)
        return http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)

    def to_read(self, token: str) -> bytes:
        """A call for which everything must be read."""
        call = {
            "hook": "patient-view",
            "hookInstance": "6b9a1c1e-5d3c-4a4e-9d0b-0a1b2c3d4e5f",
            "fhirServer": self.fhir,
            "fhirAuthorization": {"access_token": token, "token_type": "Bearer"},
            "context": {"patientId": PATIENT, "userId": "Practitioner/x"},
        }
        return json.dumps(call).encode()


def fire(connection: http.client.HTTPConnection, body: bytes) -> Answer:
    """Raises: OSError, HTTPException."""
    connection.request("POST", SERVICE, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    return Answer(answer.status, answer.headers["Retry-After"], [card["summary"] for card in content.get("cards", [])])


@contextmanager
def caller() -> Iterator[Caller]:
    """The service and its FHIR server, each a process of its own."""
    with tempfile.TemporaryDirectory() as directory, servers.unruly() as port:
        fhir = f"http://127.0.0.1:{port}{BASE}"
        settings = {
            "CDS_AUTH": "off",
            "CDS_FHIR_SERVERS": fhir,
            "CDS_DATABASE_URL": f"sqlite:///{directory}/store.sqlite",
            "CDS_RATE_LIMIT": "1000000 per second",
            "CDS_CACHE_MB": str(CACHE),
        }
        with servers.ours(payloads.relapsed_aml(100, now().date()), settings) as server:
            yield Caller(server, fhir)
