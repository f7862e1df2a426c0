"""The time that one call's reads may take together, kept at every byte that arrives: a server that drips holds nobody."""

import io
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from threading import local
from typing import TYPE_CHECKING

from cds_service.errors import OutboundError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Deadline:
    """When a call's time is spent. Units: seconds of the monotonic clock."""

    def __init__(self, until: float = math.inf) -> None:
        self.until = until

    @property
    def seconds_left(self) -> float:
        return self.until - time.monotonic()

    def require_time(self) -> float:
        """The seconds that are left. Raises: OutboundError when none are."""
        left = self.seconds_left
        if left <= 0:
            raise OutboundError("timeout")
        return left


class _Current(local):
    deadline = Deadline()


_current = _Current()


@contextmanager
def keeping(deadline: Deadline) -> Iterator[None]:
    """What this thread sends and receives meanwhile keeps the deadline."""
    before = _current.deadline
    _current.deadline = deadline
    try:
        yield
    finally:
        _current.deadline = before


def kept(timeout: float | None) -> float:
    """A timeout, cut to the time that is left. Raises: OutboundError when none is."""
    left = _current.deadline.require_time()
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
