"""Every error as JSON: an OperationOutcome that names the place and the fix, and holds nothing of the record."""

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from cds_service import logs, metrics
from cds_service.errors import RequestError, Unauthorized, place_of
from cds_service.web import metering


class Issue(msgspec.Struct, frozen=True):
    severity: str
    code: str
    diagnostics: str


class OperationOutcome(msgspec.Struct, frozen=True, rename="camel"):
    issue: list[Issue]
    resource_type: str = "OperationOutcome"


def register(app: Flask) -> None:
    """Answer our own errors, the framework's and the unforeseen."""
    app.register_error_handler(RequestError, _refused)
    app.register_error_handler(HTTPException, _of_framework)
    app.register_error_handler(Exception, _unforeseen)


ISSUE_TYPES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    413: "too-long",
    415: "not-supported",
    429: "throttled",
    500: "exception",
    503: "transient",
}
"""FHIR's issue-type for each status; `processing` for the rest."""

FIXES = {
    400: "the request is not understood; send it as CDS Hooks describes",
    404: "there is nothing at this address; GET /cds-services lists the services",
    405: "this address does not take this method; the Allow header names those it takes",
    413: "the body is larger than this service reads; send less prefetch",
}
"""What to do about an error of the framework's."""


def _refused(error: RequestError) -> Response:
    logs.event("request_refused", status=error.status, code=error.code)
    metering.outcome(error.code)
    if isinstance(error, Unauthorized):
        metrics.token_refused(error.reason)
    response = outcome(error.status, str(error))
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _of_framework(error: HTTPException) -> Response:
    status = error.code or 500
    logs.event("request_refused", status=status, code="http")
    metering.outcome(f"http-{status}")
    response = outcome(status, FIXES.get(status, f"{status} {error.name}"))
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _unforeseen(error: Exception) -> Response:
    """The place of the fault is logged, never its text: it may hold values of the record."""
    metering.outcome("unforeseen")
    logs.event("unforeseen_error", level=40, kind=type(error).__name__, location=place_of(error), status=500)
    return outcome(500, "the service failed; its log names the place")


def outcome(status: int, diagnostics: str) -> Response:
    return Response(outcome_body(status, diagnostics), status=status, mimetype="application/json")


def outcome_body(status: int, diagnostics: str) -> bytes:
    """An OperationOutcome with one issue."""
    issue = Issue("error", ISSUE_TYPES.get(status, "processing"), diagnostics)
    return msgspec.json.encode(OperationOutcome(issue=[issue]))
