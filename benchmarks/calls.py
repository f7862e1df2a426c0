"""Calls of the hook, over a connection that stays open, and a service that reads the FHIR server of the measurements."""

import http.client
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import payloads, servers
from benchmarks.authentication import Client
from benchmarks.servers import SERVICE, Server
from benchmarks.unruly import BASE
from cds_service.settings import now

PATIENT = "relapsed-cd117-positive"
CACHE = 16
"""Megabytes: so few that it is full after some seconds, and what grows later is no cache."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, Retry-After, and the body."""

    status: int
    retry_after: str | None
    body: dict[str, Any]

    @property
    def cards(self) -> list[str]:
        """Their summaries."""
        return [card["summary"] for card in self.body.get("cards", [])]

    @property
    def is_unfinished(self) -> bool:
        return bool(self.gaps)

    @property
    def gaps(self) -> dict[str, str]:
        """The parts of the record that are named as lacking, each with its reason."""
        details = [card["detail"] for card in self.body.get("cards", []) if "not fully evaluated" in card["summary"]]
        lines = [line.removeprefix("- ") for detail in details for line in detail.splitlines() if line.startswith("- ")]
        return {part: reason for parts, _, reason in (line.partition(": ") for line in lines) for part in parts.split(", ")}


@dataclass(frozen=True, slots=True)
class Caller:
    """An EHR: the service that it calls, and the FHIR server that it names."""

    server: Server
    fhir: str
    client: Client | None = None
    """Signs, where the service asks who calls."""

    def connection(self) -> http.client.HTTPConnection:
        address = urlsplit(self.server.url)
        return http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)

    def to_read(self, token: str, sent: Mapping[str, object] | None = None) -> bytes:
        """A call for which everything must be read, but what is `sent` along."""
        call = {
            "hook": "patient-view",
            "hookInstance": "6b9a1c1e-5d3c-4a4e-9d0b-0a1b2c3d4e5f",
            "fhirServer": self.fhir,
            "fhirAuthorization": {"access_token": token, "token_type": "Bearer"},
            "context": {"patientId": PATIENT, "userId": "Practitioner/x"},
            "prefetch": sent or {},
        }
        return json.dumps(call).encode()


def fire(
    connection: http.client.HTTPConnection, body: bytes, headers: Mapping[str, str] | None = None, path: str = SERVICE
) -> Answer:
    """Raises: OSError, HTTPException."""
    connection.request("POST", path, body, {"Content-Type": "application/json", **(headers or {})})
    answer = connection.getresponse()
    return Answer(answer.status, answer.headers["Retry-After"], json.loads(answer.read()))


@contextmanager
def caller(*, known: bool = False) -> Iterator[Caller]:
    """The service and its FHIR server, each a process of its own. `known`: authentication is on, and the caller has a key."""
    with tempfile.TemporaryDirectory() as directory, servers.unruly() as port:
        fhir = f"http://127.0.0.1:{port}{BASE}"
        client = Client(Path(directory), SERVICE, fhir) if known else None
        settings = {
            "CDS_DATABASE_URL": f"sqlite:///{directory}/store.sqlite",
            "CDS_PROCESSES": "1",
            "CDS_RATE_LIMIT": "1000000 per second",
            "CDS_CACHE_MB": str(CACHE),
            **(client.settings() if client is not None else {"CDS_AUTH": "off", "CDS_FHIR_SERVERS": fhir}),
        }
        with servers.ours(payloads.relapsed_aml(100, now().date()), settings) as server:
            yield Caller(server, fhir, client)
