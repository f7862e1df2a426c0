"""A CDS service: what discovery says of it, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass

from cds_service.cards import Display
from cds_service.evaluation import Findings
from cds_service.protocol import CdsResponse, HookRequest, ServiceEntry

Respond = Callable[[HookRequest, Findings, Display], CdsResponse]


@dataclass(frozen=True, slots=True)
class CdsService:
    """One hook's service. `entry.prefetch` holds the templates that are asked for and read."""

    entry: ServiceEntry
    respond: Respond
