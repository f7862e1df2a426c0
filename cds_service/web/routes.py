"""The CDS Hooks endpoints: discovery and the service call. Every error is JSON with an OperationOutcome."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request

from cds_service import logs
from cds_service.cards import Display
from cds_service.clients import Client
from cds_service.criteria.knowledge import Knowledge
from cds_service.errors import NotJson, UnknownService
from cds_service.fhir.client import Cache, FhirClient
from cds_service.hooks.service import CdsService
from cds_service.outbound.door import Door
from cds_service.pipeline import answer
from cds_service.protocol import NO_CARDS, CdsResponse, Discovery, HookRequest, decode_request, encode
from cds_service.settings import Settings, is_loopback_url
from cds_service.web.fhir_access import CallersFhir
from cds_service.web.fitting import fit, renamed
from cds_service.web.guard import Guard, caller

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

    def fhir_for(self, call: HookRequest, client: Client) -> FhirClient | None:
        """The EHR's FHIR server, if this client may name it; with the call's token, which goes nowhere else."""
        if call.fhir_server is None or not client.profile.fhir_access:
            return None
        if call.fhir_server.rstrip("/") not in client.fhir_servers:
            logs.event("fhir_server_not_listed", client=client.iss, hook_instance=_safe(call.hook_instance))
            return None
        authorization = call.fhir_authorization
        token = authorization.access_token if authorization is not None else None
        if token is None and not (self.settings.is_loopback() and is_loopback_url(call.fhir_server)):
            return None  # an open FHIR server is for development only
        door = self.door.within(client.profile.deadline)
        not_offered = frozenset(client.profile.not_offered)
        return CallersFhir(call.fhir_server, token, door, self.cache, self.settings.max_pages, not_offered)


def blueprint(service: Service, guard: Guard) -> Blueprint:
    """GET /cds-services and POST /cds-services/ID."""
    routes = Blueprint("cds_hooks", __name__)
    routes.before_request(guard.admit)

    @routes.get("/cds-services")
    def discovery() -> Response:
        return _json(encode(Discovery(services=[hook.entry for hook in service.hooks.values()])))

    @routes.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        hook = service.hooks.get(service_id)
        if hook is None:
            raise UnknownService("no service has this id; GET /cds-services lists them")
        client = caller()
        started = time.perf_counter()
        hook_request = renamed(decode_request(json_body(), hook.entry.hook), client.profile)
        response = fit(_answer(service, hook, hook_request, client), client.profile)
        logs.event(
            "hook_answered",
            service=service_id,
            client=client.iss,
            hook_instance=_safe(hook_request.hook_instance),
            prefetched=len(hook_request.prefetch),
            cards=len(response.cards),
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return _json(encode(NO_CARDS if service.settings.silent else response))

    return routes


def json_body() -> bytes:
    """The body of the call. Raises: NotJson."""
    if request.mimetype not in (JSON, "application/fhir+json", ""):
        raise NotJson("send the body as Content-Type: application/json")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NotJson("send the body without Content-Encoding")
    return request.get_data()


def _answer(service: Service, hook: CdsService, call: HookRequest, client: Client) -> CdsResponse:
    if not call.is_clinician():
        return NO_CARDS
    zone = service.settings.timezone
    as_of = service.clock().astimezone(zone).date()
    return answer(hook, call, service.knowledge, service.fhir_for(call, client), as_of, zone, service.display)


def _json(body: bytes) -> Response:
    return Response(body, mimetype=JSON)


def _safe(hook_instance: str) -> str | None:
    """A hookInstance is logged only where it is the UUID that the specification asks for."""
    text = hook_instance.lower()
    return text if len(text) == 36 and set(text) <= set("0123456789abcdef-") else None
