"""A call's deadline, kept at every byte that arrives: a server that drips holds nobody."""

import io
import math
import socket
from http.client import HTTPResponse
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
