"""The CDS Hooks endpoints: discovery, the service call, feedback. Every error is JSON with an OperationOutcome."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from cds_service import logs, metrics, tracing
from cds_service.cards import Display
from cds_service.clients import Client
from cds_service.criteria.knowledge import Knowledge
from cds_service.errors import MalformedRequest, NotJson, RequestError, UnknownService
from cds_service.feedback import decode_feedback
from cds_service.fhir.client import Access, Means
from cds_service.hooks.service import CdsService
from cds_service.outbound.door import Door
from cds_service.pipeline import answer
from cds_service.protocol import NO_CARDS, CdsResponse, Discovery, HookRequest, decode_request, encode
from cds_service.settings import Settings, is_loopback_url
from cds_service.web import arrival, metering
from cds_service.web.arrival import seconds_since_arrival
from cds_service.web.fhir_access import CallersFhir
from cds_service.web.fitting import fit, renamed
from cds_service.web.guard import Guard, caller
from cds_service.web.memory import Memory
from cds_service.web.turns import Turns

JSON = "application/json"
READING = 0.9
"""How much of a call's deadline may pass until all is read; the rest is for the answer."""
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Service:
    """What a call needs, built once at start."""

    settings: Settings
    knowledge: Knowledge
    hooks: Mapping[str, CdsService]
    door: Door
    means: Means
    clock: Clock
    display: Display
    memory: Memory

    def fhir_for(self, call: HookRequest, client: Client) -> CallersFhir | None:
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
        door = self.door.within(client.profile.deadline * READING - seconds_since_arrival())
        access = Access(call.fhir_server.rstrip("/"), token, call.patient_id)
        return CallersFhir(access, door, self.means, frozenset(client.profile.not_offered))


def blueprint(service: Service, guard: Guard, turns: Turns) -> Blueprint:
    """GET /cds-services, POST /cds-services/ID and POST /cds-services/ID/feedback."""
    routes = Blueprint("cds_hooks", __name__)
    arrival.note(routes, guard.shortest_deadline)
    turns.guard(routes)
    routes.before_request(guard.admit)

    @routes.get("/cds-services")
    def discovery() -> Response:
        return _json(encode(Discovery(services=[hook.entry for hook in service.hooks.values()])))

    @routes.post("/cds-services/<service_id>")
    def fire(service_id: str) -> Response:
        hook = _hook(service, service_id)
        started = time.perf_counter()
        with tracing.span("hook", _headers, service=service_id, request_id=logs.REQUEST_ID.get()):
            response, call = _answered(service, hook)
        metering.outcome("cards" if response.cards else "no-cards")
        metrics.prefetched(service_id, hook.entry.prefetch, call.prefetch)
        logs.event(
            "hook_answered",
            service=service_id,
            client=caller().iss,
            hook_instance=_safe(call.hook_instance),
            prefetched=len(call.prefetch),
            cards=len(response.cards),
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return _json(encode(NO_CARDS if service.settings.silent else response))

    @routes.post("/cds-services/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        _hook(service, service_id)
        items = decode_feedback(json_body())
        service.memory.learn(caller(), service_id, items, service.clock())
        logs.event("feedback_kept", service=service_id, client=caller().iss, items=len(items))
        return _json(b"{}")

    return routes


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def json_body() -> bytes:
    """The body of the call. Raises: NotJson; MalformedRequest where it could not be read to its end."""
    if request.mimetype not in (JSON, "application/fhir+json", ""):
        raise NotJson("send the body as Content-Type: application/json")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NotJson("send the body without Content-Encoding")
    try:
        return _read_whole(request.stream, request.content_length)
    except HTTPException:
        raise  # too large
    except Exception as error:  # the server's own errors, of whatever class: chunks that are none, a caller that went away
        raise MalformedRequest("the body broke off; send all of it, with its length") from error


def _read_whole(stream: IO[bytes], length: int | None) -> bytes:
    """At once where its length is told: in pieces, as the framework reads it, all of it is copied several times more."""
    body = stream.read(length or 0)
    return body if len(body) == length else body + stream.read()


def _hook(service: Service, service_id: str) -> CdsService:
    """Raises: UnknownService."""
    hook = service.hooks.get(service_id)
    if hook is None:
        raise UnknownService("no service has this id; GET /cds-services lists them")
    return hook


def _answered(service: Service, hook: CdsService) -> tuple[CdsResponse, HookRequest]:
    """The cards that the caller shall see, and the call; whatever becomes of it, who looked at whom is noted."""
    client, at = caller(), service.clock()
    call = renamed(decode_request(json_body(), hook.entry.hook), client.profile)
    fhir = service.fhir_for(call, client)
    look = service.memory.look(call, at, client, hook.entry.id, _sent(call, hook), service.knowledge.digest)
    try:
        evaluated = _evaluated(service, hook, call, fhir, at)
    except Exception as error:
        status = error.status if isinstance(error, RequestError) else 500
        service.memory.note_failure(look, _read(fhir), status)
        raise
    wanted = service.memory.note(look, _read(fhir), evaluated)
    _count(evaluated, wanted, silent=service.settings.silent)
    return fit(wanted, client.profile), call


def _count(evaluated: CdsResponse, wanted: CdsResponse, *, silent: bool) -> None:
    kept = {card.uuid for card in wanted.cards}
    metrics.cards_answered([card.topic for card in wanted.cards], "silent" if silent else "shown")
    metrics.cards_answered([card.topic for card in evaluated.cards if card.uuid not in kept], "suppressed")


def _evaluated(service: Service, hook: CdsService, call: HookRequest, fhir: CallersFhir | None, at: datetime) -> CdsResponse:
    if not call.is_clinician():
        return NO_CARDS
    zone = service.settings.timezone
    return answer(hook, call, service.knowledge, fhir, at.astimezone(zone).date(), zone, service.display)


def _sent(call: HookRequest, hook: CdsService) -> tuple[str, ...]:
    """The parts of the record that came along, by our names; others are counted."""
    known = [key for key in hook.entry.prefetch if key in call.prefetch]
    others = len(call.prefetch) - len(known)
    return (*known, f"others:{others}") if others else tuple(known)


def _read(fhir: CallersFhir | None) -> tuple[str, ...]:
    return tuple(sorted(fhir.types_read)) if fhir is not None else ()


def _json(body: bytes) -> Response:
    return Response(body, mimetype=JSON)


def _safe(hook_instance: str) -> str | None:
    """A hookInstance is logged only where it is the UUID that the specification asks for."""
    text = hook_instance.lower()
    return text if len(text) == 36 and set(text) <= set("0123456789abcdef-") else None
