"""/openapi.json: the endpoints for programs, from the same JSON Schemas that the tests hold every answer against."""

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import cast

from flask import Blueprint, Response

from cds_service import __version__

Json = dict[str, object]

SCHEMAS = {
    "Discovery": "discovery",
    "Request": "request",
    "CdsResponse": "response",
    "Feedback": "feedback",
    "OperationOutcome": "operation-outcome",
}
REFUSALS = {
    "400": "The body is not what the schema asks for, or belongs to another patient",
    "401": "No valid token of a registered client",
    "403": "Authentication is off and the call is not from this machine",
    "404": "No service has this id",
    "412": "Patient or conditions were neither prefetched nor could be read",
    "413": "The body is larger than is read",
    "415": "The body is not plain application/json",
    "429": "The client calls too often; see Retry-After",
    "500": "The service failed",
    "503": "Too many calls to be answered in time, or feedback cannot be kept now; see Retry-After",
}
_OPEN = ("500",)
_GUARDED = ("401", "403", "429", "500", "503")
_CALL = ("400", *_GUARDED[:2], "404", "412", "413", "415", *_GUARDED[2:])
_FEEDBACK = tuple(status for status in _CALL if status != "412")


def blueprint(services: Iterable[str], *, auth: bool, public_url: str | None) -> Blueprint:
    routes = Blueprint("openapi", __name__)
    body = json.dumps(document(services, auth=auth, public_url=public_url)).encode()

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(body, mimetype="application/json")

    return routes


def document(services: Iterable[str], *, auth: bool = True, public_url: str | None = None) -> Json:
    """The OpenAPI 3.1 document of these services, with or without authentication."""
    identifier = {"name": "id", "in": "path", "required": True, "schema": {"enum": sorted(services)}}
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "cds-service",
            "version": __version__,
            "description": "CDS Hooks 2.0: which cell-therapy trials in acute myeloid leukaemia a patient may fit, and why.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/cds-services": {"get": _operation("The services, and what each asks for", _ref("Discovery"), _GUARDED, auth)},
            "/cds-services/{id}": {
                "parameters": [identifier],
                "post": _operation("Fire a hook and get cards", _ref("CdsResponse"), _CALL, auth, takes="Request"),
            },
            "/cds-services/{id}/feedback": {
                "parameters": [identifier],
                "post": _operation("Tell what became of cards", _EMPTY, _FEEDBACK, auth, takes="Feedback"),
            },
            "/healthz": {"get": _operation("Whether the process lives", _object("status"), _OPEN)},
            "/readyz": {
                "get": _operation("Ready, or degraded, and what was checked", _READINESS, _OPEN),
            },
            "/metrics": {"get": _operation("Counters for Prometheus", {"type": "string"}, _OPEN, kind="text/plain")},
            "/openapi.json": {"get": _operation("This document", {"type": "object"}, _OPEN)},
        },
        "components": {
            "schemas": {name: schema(file) for name, file in SCHEMAS.items()},
            "responses": {f"Refused{status}": _answer(text, _ref("OperationOutcome")) for status, text in REFUSALS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    return {**described, "servers": [{"url": public_url}]} if public_url else described


def schema(file: str) -> Json:
    """A JSON Schema of docs/schemas/, as it is packaged."""
    text = files("cds_service.web").joinpath("schemas", f"{file}.schema.json").read_text(encoding="utf-8")
    content = cast(Json, json.loads(text))
    return {key: value for key, value in content.items() if key != "$schema"}


_EMPTY: Json = {"type": "object", "additionalProperties": False}


def _operation(
    summary: str,
    answer: Json,
    refusals: tuple[str, ...],
    auth: bool = False,
    takes: str | None = None,
    kind: str = "application/json",
) -> Json:
    responses = {"200": _answer(summary, answer, kind)} | {
        status: {"$ref": f"#/components/responses/Refused{status}"} for status in refusals
    }
    operation: Json = {"summary": summary, "responses": responses}
    if takes is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(takes)}}}
    if auth:
        operation["security"] = [{"token": []}]
    return operation


def _answer(description: str, content: Json, kind: str = "application/json") -> Json:
    return {"description": description, "content": {kind: {"schema": content}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(*texts: str, **others: Json) -> Json:
    properties = {**{name: {"type": "string"} for name in texts}, **others}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_TRIALS: Json = {
    "type": "object",
    "properties": {
        "evaluated": {"type": "integer"},
        "not_reviewed": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    },
    "required": ["evaluated"],
    "additionalProperties": False,
}
_READINESS = _object("status", "store", "version", "knowledge", checks=_object("knowledge", "store"), trials=_TRIALS)
