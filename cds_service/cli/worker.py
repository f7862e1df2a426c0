"""gunicorn's worker: what is not even HTTP is refused in the form of all others, and a refusal costs no connection."""

import socket
import sys
import time
from http import HTTPStatus
from typing import Any, cast

from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

from cds_service import logs
from cds_service.web.errors import outcome_body

STATUSES = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}


REST_OF_BODY = 1.0
"""Seconds to receive what is left of a body that was not read."""


class Worker(ThreadWorker):
    """gunicorn's threads, and what we do otherwise."""

    def handle_error(self, req: object, client: socket.socket, addr: object, exc: BaseException) -> None:
        """Answer malformed HTTP without a word of what was sent; gunicorn's own answer and log line repeat it."""
        answer = refusal(exc)
        try:
            client.sendall(answer)
        except OSError:
            logs.event("caller_gone")

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Whether the connection stays open for the next call.

        A call refused before its body was read leaves the body behind. gunicorn closes without a word where that is 64 kB,
        and the caller's next call would fail; within a moment all of it is here.
        """
        if not keepalive or not isinstance(conn.parser, RequestParser):
            return False
        parser = cast(Any, conn.parser)  # the stubs' version of it tells nothing
        return bool(parser.finish_body(deadline=time.monotonic() + REST_OF_BODY, max_bytes=sys.maxsize))


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
