"""gunicorn's own refusals, of what is not even HTTP, in the form of all others: JSON with an OperationOutcome."""

import socket
from http import HTTPStatus

from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import ThreadWorker

from cds_service import logs
from cds_service.web.errors import outcome_body

STATUSES = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}


class Worker(ThreadWorker):
    """Answers malformed HTTP without a word of what was sent; gunicorn's own answer and log line repeat it."""

    def handle_error(self, req: object, client: socket.socket, addr: object, exc: BaseException) -> None:
        answer = refusal(exc)
        try:
            client.sendall(answer)
        except OSError:
            logs.event("caller_gone")


def refusal(error: BaseException) -> bytes:
    """The whole HTTP answer to what could not be read, or failed outside the application."""
    foreseen = STATUSES.get(type(error), HTTPStatus.BAD_REQUEST)
    status = foreseen if isinstance(error, ParseException) else HTTPStatus.INTERNAL_SERVER_ERROR
    logs.event("not_http", level=30, status=int(status), kind=type(error).__name__)
    said = (
        "the service failed" if status == 500 else "this is not HTTP/1.1 as this service reads it; send a well-formed request"
    )
    body = outcome_body(int(status), said)
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + body
