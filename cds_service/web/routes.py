"""The CDS Hooks endpoints: discovery and the service call. Every error is JSON with an OperationOutcome."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from cds_service import logs
from cds_service.cards import Display
from cds_service.criteria.knowledge import Knowledge
from cds_service.errors import MalformedRequest, UnknownService
from cds_service.fhir.client import Cache, FhirClient
from cds_service.hooks.service import CdsService
from cds_service.outbound.door import Door
from cds_service.pipeline import answer
from cds_service.protocol import NO_CARDS, CdsResponse, Discovery, HookRequest, decode_request, encode
from cds_service.settings import Settings

JSON = "application/json"
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Service:
    """What a call needs, built once at start."""

    settings: Settings
    knowledge: Knowledge
    hooks: Mapping[str, CdsService]
    door: Door
    cache: Cache
    clock: Clock
    display: Display

    def fhir_for(self, call: HookRequest) -> FhirClient | None:
        """The EHR's FHIR server, if it is one that may be called; with the call's token, which goes nowhere else."""
        if call.fhir_server is None or not self._may_call(call.fhir_server):
            if call.fhir_server is not None:
                logs.event("fhir_server_not_listed", hook_instance=_safe(call.hook_instance))
            return None
        authorization = call.fhir_authorization
        token = authorization.access_token if authorization is not None else None
        if token is None and not _is_loopback(call.fhir_server):
            return None  # an open FHIR server is for development only
        return FhirClient(call.fhir_server, token, self.door, self.cache, self.settings.max_pages)

    def _may_call(self, server: str) -> bool:
        return server.rstrip("/") in self.settings.fhir_servers


def blueprint(service: Service) -> Blueprint:
    """GET /cds-services and POST /cds-services/ID."""
    routes = Blueprint("cds_hooks", __name__)

    @routes.get("/cds-services")
    def discovery() -> Response:
        return _json(encode(Discovery(services=[hook.entry for hook in service.hooks.values()])))

    @routes.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        hook = service.hooks.get(service_id)
        if hook is None:
            raise UnknownService("no service has this id; GET /cds-services lists them")
        if request.mimetype not in (JSON, "application/fhir+json", ""):
            raise MalformedRequest("the body must be application/json")
        started = time.perf_counter()
        hook_request = decode_request(request.get_data(), hook.entry.hook)
        response = _answer(service, hook, hook_request)
        logs.event(
            "hook_answered",
            service=service_id,
            hook_instance=_safe(hook_request.hook_instance),
            prefetched=len(hook_request.prefetch),
            cards=len(response.cards),
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return _json(encode(NO_CARDS if service.settings.silent else response))

    return routes


def _answer(service: Service, hook: CdsService, call: HookRequest) -> CdsResponse:
    if not call.is_clinician():
        return NO_CARDS
    zone = service.settings.timezone
    as_of = service.clock().astimezone(zone).date()
    return answer(hook, call, service.knowledge, service.fhir_for(call), as_of, zone, service.display)


def _json(body: bytes) -> Response:
    return Response(body, mimetype=JSON)


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def _safe(hook_instance: str) -> str | None:
    """A hookInstance is logged only where it is the UUID that the specification asks for."""
    text = hook_instance.lower()
    return text if len(text) == 36 and set(text) <= set("0123456789abcdef-") else None
