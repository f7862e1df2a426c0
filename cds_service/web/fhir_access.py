"""The FHIR server of one call, as its client offers it, and what was read there."""

import time
from collections.abc import Callable

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
        return self._noted("fhir read", resource_type, lambda: super(CallersFhir, self).read(resource_type, resource_id))

    def search(self, resource_type: str, parameters: Parameters) -> SearchResult:
        return self._noted("fhir search", resource_type, lambda: super(CallersFhir, self).search(resource_type, parameters))

    def _noted(self, span: str, resource_type: str, ask: Callable[[], SearchResult]) -> SearchResult:
        if resource_type in self._not_offered:
            return SearchResult(failed=GapReason.NOT_OFFERED)
        self.types_read.add(resource_type)
        begun = time.perf_counter()
        failed: GapReason | None = GapReason.INTERNAL_ERROR
        try:
            with tracing.span(span, resource_type=resource_type):
                found = ask()
            failed = found.failed
        finally:
            result = failed.value if failed is not None else "ok"
            metrics.fhir_called(resource_type, result, time.perf_counter() - begun)
        return found
