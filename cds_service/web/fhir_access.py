"""The FHIR server of one call, as its client offers it, and what was read there."""

import time

from cds_service import metrics, tracing
from cds_service.fhir.client import Access, FhirClient, Means, Parameters, SearchResult
from cds_service.fhir.record import GapReason
from cds_service.outbound.door import Door


class CallersFhir(FhirClient):
    """Reads for one call: what the client's profile says is not offered is not asked for; what is asked for is noted."""

    def __init__(self, access: Access, door: Door, means: Means, not_offered: frozenset[str]) -> None:
        super().__init__(access, door, means)
        self._not_offered = not_offered
        self.types_read: set[str] = set()

    def read(self, resource_type: str, resource_id: str) -> SearchResult:
        if resource_type in self._not_offered:
            return SearchResult(failed=GapReason.NOT_OFFERED)
        self.types_read.add(resource_type)
        begun = time.perf_counter()
        with tracing.span("fhir read", resource_type=resource_type):
            found = super().read(resource_type, resource_id)
        _count(resource_type, found.failed, begun)
        return found

    def search(self, resource_type: str, parameters: Parameters) -> SearchResult:
        if resource_type in self._not_offered:
            return SearchResult(failed=GapReason.NOT_OFFERED)
        self.types_read.add(resource_type)
        begun = time.perf_counter()
        with tracing.span("fhir search", resource_type=resource_type):
            found = super().search(resource_type, parameters)
        _count(resource_type, found.failed, begun)
        return found


def _count(resource_type: str, failed: GapReason | None, begun: float) -> None:
    metrics.fhir_called(resource_type, failed.value if failed is not None else "ok", time.perf_counter() - begun)
