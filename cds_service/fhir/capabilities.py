"""Which resource types a FHIR server offers at all, by its CapabilityStatement; kept apart from what is read of patients."""

from collections.abc import Mapping

import msgspec
from cachetools import TLRUCache

from cds_service.errors import OutboundError
from cds_service.fhir.shared_reads import SharedReads
from cds_service.json_bytes import UNDECODABLE
from cds_service.outbound.door import Door

FRESH = 3600.0
BETWEEN_TRIES = 60.0
"""Seconds. A server that does not tell is asked again after a minute."""
MOST_SERVERS = 64

Types = frozenset[str] | None
"""None where the server does not tell."""


class OfferedResource(msgspec.Struct, frozen=True):
    type: str


class Rest(msgspec.Struct, frozen=True):
    mode: str | None = None
    resource: list[OfferedResource] | None = None


class CapabilityStatement(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str
    rest: list[Rest] | None = None


class Capabilities:
    """What servers offer, asked for only where an answer leaves it open, and without anybody's token."""

    def __init__(self) -> None:
        kept: TLRUCache[str, Told] = TLRUCache(MOST_SERVERS, _until)
        self._servers: SharedReads[str, Told] = SharedReads(kept, lambda told: True)

    def lacks(self, base: str, resource_type: str, door: Door) -> bool:
        """Whether the server says what it offers, and this is not among it."""
        try:
            told = self._servers.had(base, lambda: Told(_read(base, door)), door.seconds_left)
        except TimeoutError:
            return False
        return told.types is not None and resource_type not in told.types


class Told(msgspec.Struct, frozen=True):
    """What a server said, or that it said nothing."""

    types: Types


def _until(base: str, told: Told, now: float) -> float:
    return now + (BETWEEN_TRIES if told.types is None else FRESH)


HEADERS: Mapping[str, str] = {"Accept": "application/fhir+json"}


def _read(base: str, door: Door) -> Types:
    try:
        reply = door.get(f"{base}/metadata", HEADERS)
        statement = msgspec.json.decode(reply.body, type=CapabilityStatement)
    except (OutboundError, *UNDECODABLE):
        return None
    if reply.status != 200 or statement.resource_type != "CapabilityStatement":
        return None
    offered = {resource.type for rest in statement.rest or () for resource in rest.resource or ()}
    return frozenset(offered) or None
