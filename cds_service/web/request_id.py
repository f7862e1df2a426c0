"""A call's id, by which its log lines, its audit row and the caller's own records are found together."""

import re
from uuid import uuid4

from flask import Flask, Response, request

from cds_service.logs import REQUEST_ID

HEADER = "X-Request-ID"
_RANDOM = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def register(app: Flask) -> None:
    """Before everything else that looks at a call."""

    @app.before_request
    def begin() -> None:
        trace = request.headers.get("Traceparent", "").split("-")
        REQUEST_ID.set(identifier(request.headers.get(HEADER, trace[1] if len(trace) > 1 else None)))

    @app.after_request
    def echo(response: Response) -> Response:
        response.headers[HEADER] = REQUEST_ID.get() or ""
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        REQUEST_ID.set(None)


def identifier(sent: str | None) -> str:
    """The caller's own id where it is a UUID or a trace id; a new one in place of any other, which might name a patient."""
    return sent.lower() if sent is not None and _RANDOM.fullmatch(sent) else str(uuid4())
