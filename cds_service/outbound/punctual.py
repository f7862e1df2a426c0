"""A call's deadline, kept at every byte that arrives: a server that drips holds nobody."""

import io
import math
import socket
from http import HTTPStatus
from http.client import BadStatusLine, HTTPResponse, parse_headers
from typing import TYPE_CHECKING

from cds_service import deadline

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def kept(timeout: float | None) -> float:
    """A timeout, cut to the time that is left. Raises: OutboundError when none is."""
    left = deadline.current().require_time()
    return left if timeout is None else min(timeout, left)


class PunctualResponse(HTTPResponse):
    """Reads its head and body under the deadline; a socket's own timeout begins anew with each byte."""

    fp: io.BufferedReader

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp = io.BufferedReader(_PunctualStream(sock, self.fp.detach()))

    def _read_status(self) -> tuple[str, int, str]:
        """That of the answer. What comes before it, such as 103 Early Hints, is none; the library passes over 100 alone, and
        the answer that follows would be taken for that to the next request on this connection.

        Raises: BadStatusLine for 101, after which the connection speaks another protocol.
        """
        version, status, reason = super()._read_status()  # type: ignore[misc]  # the library's own, unknown to the types
        while HTTPStatus.CONTINUE < status < HTTPStatus.OK:
            if status == HTTPStatus.SWITCHING_PROTOCOLS:
                raise BadStatusLine(str(status))
            parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason


class _PunctualStream(io.RawIOBase):
    """What a socket receives; before each read its timeout is what is left."""

    def __init__(self, sock: socket.socket, stream: io.RawIOBase) -> None:
        self._sock = sock
        self._stream = stream
        self._timeout = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        timeout = kept(self._timeout)
        if math.isfinite(timeout):
            self._sock.settimeout(timeout)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        super().close()
        self._stream.close()
