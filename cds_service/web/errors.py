"""Every error as JSON: an OperationOutcome that names the place and the fix, and holds nothing of the record."""

import msgspec
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from cds_service import logs
from cds_service.errors import RequestError


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


def _refused(error: RequestError) -> Response:
    logs.event("request_refused", status=error.status, code=error.code)
    return outcome(
        error.status, "invalid" if error.status == 400 else "not-found" if error.status == 404 else "processing", str(error)
    )


def _of_framework(error: HTTPException) -> Response:
    status = error.code or 500
    logs.event("request_refused", status=status, code="http")
    response = outcome(status, "processing", f"{status} {error.name}")
    if allowed := getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _unforeseen(error: Exception) -> Response:
    """The place of the fault is logged, never its text: it may hold values of the record."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_globals.get('__name__', '?')}:{place.tb_lineno}" if place is not None else "?"
    logs.event("unforeseen_error", level=40, kind=type(error).__name__, location=where, status=500)
    return outcome(500, "exception", "the service failed; its log names the place")


def outcome(status: int, code: str, diagnostics: str) -> Response:
    body = msgspec.json.encode(OperationOutcome(issue=[Issue("error", code, diagnostics)]))
    return Response(body, status=status, mimetype="application/json")
